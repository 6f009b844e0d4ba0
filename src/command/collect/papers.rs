//! What goes with a sealed file: the receipt and its signature. Their room is taken before anything is collected.

use crate::seal::output::{Folder, OutputError, Promised};
use crate::term::Failure;

/// Both, promised.
pub struct Papers {
    /// What the receipt is called.
    pub receipt_name: String,
    receipt: Promised,
    signature: Promised,
}

impl Papers {
    /// Takes their room; nobody sees their names before they are whole.
    pub fn promise(folder: &Folder, receipt_name: &str) -> Result<Papers, OutputError> {
        Papers::take(folder, receipt_name, Folder::promise)
    }

    /// Takes their room, and shows that they are under way: nobody else shall take their names meanwhile.
    pub fn promise_as_partial(folder: &Folder, receipt_name: &str) -> Result<Papers, OutputError> {
        Papers::take(folder, receipt_name, Folder::promise_as_partial)
    }

    fn take(
        folder: &Folder,
        receipt_name: &str,
        promise: impl Fn(&Folder, &str) -> Result<Promised, OutputError>,
    ) -> Result<Papers, OutputError> {
        let receipt = promise(folder, receipt_name)?;
        let signature = promise(folder, &signature_of(receipt_name));
        let signature = signature.inspect_err(|_| folder.withdraw(&receipt))?;
        Ok(Papers { receipt_name: receipt_name.to_owned(), receipt, signature })
    }

    /// Writes both, through to the disk.
    pub fn keep(&self, folder: &Folder, receipt: &[u8], signature: &[u8]) -> Result<(), Failure> {
        let kept = folder.keep(&self.receipt, &self.receipt_name, receipt);
        kept.inspect_err(|_| folder.withdraw(&self.signature))?;
        folder.keep(&self.signature, &signature_of(&self.receipt_name), signature)?;
        Ok(folder.sync()?)
    }

    /// Nothing came of it: the names are free again.
    pub fn withdraw(&self, folder: &Folder) {
        folder.withdraw(&self.receipt);
        folder.withdraw(&self.signature);
    }
}

fn signature_of(receipt_name: &str) -> String {
    format!("{receipt_name}.sig")
}
