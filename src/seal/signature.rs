//! SSHSIG (OpenSSH's PROTOCOL.sshsig): signatures that `ssh-keygen -Y verify` checks. The only user of `ssh_key`.
//!
//! Ed25519 only. A signature is accepted in the one spelling that we write (PEM as ssh-keygen prints it), so
//! that nobody can make a second file that verifies as well.

use ssh_key::private::Ed25519Keypair;
use ssh_key::{HashAlg, LineEnding, PrivateKey, PublicKey, SshSig};

use super::envelope::Passphrase;
use crate::custody::seal::Signer;

/// A key that signs, and how it came to be here.
pub struct SigningKey {
    key: PrivateKey,
    kind: &'static str,
}

/// Why a key cannot sign.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    /// Not an OpenSSH private key.
    #[error("not an OpenSSH private key")]
    NotAKey,
    /// Another algorithm than Ed25519.
    #[error("{0} keys cannot sign bundles; make one with 'phi-ir keygen --signing'")]
    Algorithm(String),
    /// It is locked with a passphrase, and none was given.
    #[error("the key is locked with a passphrase")]
    Locked,
    /// The passphrase is wrong.
    #[error("the passphrase does not unlock the key")]
    Passphrase,
    /// The library failed.
    #[error("cannot sign: {0}")]
    Library(#[from] ssh_key::Error),
}

/// What a signature turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignatureCheck {
    /// It fits, and is spelt as we spell it.
    Good(SignedBy),
    /// It fits, but is spelt otherwise.
    OtherForm(SignedBy),
    /// It does not fit, or is none; says why.
    Bad(String),
}

/// The key behind a good signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedBy {
    /// Key type and base64.
    pub public_key: String,
    /// `SHA256:…`
    pub fingerprint: String,
}

impl SigningKey {
    /// A key that exists for one run only and is never written anywhere.
    pub fn one_run() -> Result<SigningKey, SigningError> {
        Ok(SigningKey { key: random_key("phi-ir one-run key")?, kind: "one_run" })
    }

    /// Reads a private key. `kind` is `file`, `config` or `enrolled`.
    pub fn read(pem: &[u8], kind: &'static str) -> Result<SigningKey, SigningError> {
        let key = PrivateKey::from_openssh(pem).map_err(|_| SigningError::NotAKey)?;
        if key.algorithm() != ssh_key::Algorithm::Ed25519 {
            return Err(SigningError::Algorithm(key.algorithm().to_string()));
        }
        Ok(SigningKey { key, kind })
    }

    /// Whether [`SigningKey::unlock`] is needed first.
    pub fn is_locked(&self) -> bool {
        self.key.is_encrypted()
    }

    /// Unlocks it.
    pub fn unlock(self, passphrase: &Passphrase) -> Result<SigningKey, SigningError> {
        let key = self.key.decrypt(passphrase.bytes()).map_err(|_| SigningError::Passphrase)?;
        Ok(SigningKey { key, kind: self.kind })
    }

    /// What seal and receipt say of it.
    pub fn facts(&self) -> Result<Signer, SigningError> {
        let public = self.key.public_key();
        Ok(Signer {
            kind: self.kind.to_owned(),
            fingerprint: public.fingerprint(HashAlg::Sha256).to_string(),
            public_key: spelt(public)?,
        })
    }

    /// Signs `message` for `namespace`; the exact bytes of the signature file.
    pub fn sign(&self, namespace: &str, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        if self.is_locked() {
            return Err(SigningError::Locked);
        }
        let signature = self.key.sign(namespace, HashAlg::Sha512, message)?;
        Ok(signature.to_pem(LineEnding::LF)?.into_bytes())
    }
}

/// A new signing key: the private file in OpenSSH's form, the public line, and its fingerprint.
pub struct NewSigningKey {
    /// The private file's content.
    pub private: zeroize::Zeroizing<String>,
    /// Type, base64 and comment.
    pub public: String,
    /// `SHA256:…`
    pub fingerprint: String,
}

/// Makes a new Ed25519 key.
pub fn generate(comment: &str) -> Result<NewSigningKey, SigningError> {
    let key = random_key(comment)?;
    Ok(NewSigningKey {
        private: key.to_openssh(LineEnding::LF)?,
        public: key.public_key().to_openssh()?,
        fingerprint: key.fingerprint(HashAlg::Sha256).to_string(),
    })
}

fn random_key(comment: &str) -> Result<PrivateKey, SigningError> {
    let mut seed = zeroize::Zeroizing::new([0_u8; 32]);
    super::random::fill(&mut *seed).map_err(|_| ssh_key::Error::Crypto)?;
    let mut key = PrivateKey::from(Ed25519Keypair::from_seed(&seed));
    key.set_comment(comment);
    Ok(key)
}

/// Key type and base64, without a comment.
fn spelt(key: &PublicKey) -> Result<String, SigningError> {
    let text = key.to_openssh()?;
    let mut words = text.split_whitespace();
    Ok(format!("{} {}", words.next().unwrap_or_default(), words.next().unwrap_or_default()))
}

/// Checks a signature file against the message it is to fit.
pub fn check(signature: &[u8], namespace: &str, message: &[u8]) -> SignatureCheck {
    let Ok(parsed) = SshSig::from_pem(signature) else {
        return SignatureCheck::Bad("it is no SSH signature".into());
    };
    let key = PublicKey::new(parsed.public_key().clone(), "");
    if parsed.namespace() != namespace {
        return SignatureCheck::Bad("it was made for another purpose".into());
    }
    if key.verify(namespace, message, &parsed).is_err() {
        return SignatureCheck::Bad("it does not fit the text".into());
    }
    let Ok(public_key) = spelt(&key) else {
        return SignatureCheck::Bad("its key cannot be read".into());
    };
    let signed = SignedBy { public_key, fingerprint: key.fingerprint(HashAlg::Sha256).to_string() };
    let canonical = parsed.to_pem(LineEnding::LF).is_ok_and(|pem| pem.as_bytes() == signature);
    if canonical { SignatureCheck::Good(signed) } else { SignatureCheck::OtherForm(signed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_fits_its_text_and_purpose_only() {
        let key = SigningKey::one_run().unwrap();
        let signature = key.sign("seal@phi-ir", b"text").unwrap();
        let fingerprint = key.facts().unwrap().fingerprint;
        match check(&signature, "seal@phi-ir", b"text") {
            SignatureCheck::Good(signed) => assert_eq!(signed.fingerprint, fingerprint),
            other => panic!("{other:?}"),
        }
        assert!(matches!(check(&signature, "seal@phi-ir", b"texts"), SignatureCheck::Bad(_)));
        assert!(matches!(check(&signature, "receipt@phi-ir", b"text"), SignatureCheck::Bad(_)));
        assert!(matches!(check(b"", "seal@phi-ir", b"text"), SignatureCheck::Bad(_)));
    }

    #[test]
    fn another_spelling_of_the_same_signature_is_not_ours() {
        let key = SigningKey::one_run().unwrap();
        let signature = String::from_utf8(key.sign("seal@phi-ir", b"text").unwrap()).unwrap();
        for other in
            [signature.replace('\n', "\r\n"), format!("{signature}\n"), signature.trim_end().to_owned()]
        {
            let checked = check(other.as_bytes(), "seal@phi-ir", b"text");
            assert!(!matches!(checked, SignatureCheck::Good(_)), "{other:?}");
        }
    }

    #[test]
    fn a_generated_key_reads_back() {
        let new = generate("web01").unwrap();
        let key = SigningKey::read(new.private.as_bytes(), "file").unwrap();
        assert_eq!(key.facts().unwrap().fingerprint, new.fingerprint);
        assert!(new.public.starts_with("ssh-ed25519 ") && new.public.ends_with(" web01"));
        assert!(SigningKey::read(b"-----BEGIN PRIVATE KEY-----", "file").is_err());
    }
}
