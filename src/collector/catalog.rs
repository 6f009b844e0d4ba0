//! All collectors there are: those built in, and those of the folders that somebody trusted.

use std::path::Path;

use walkdir::WalkDir;

use super::definition::Definition;
use super::native;
use crate::config::{ConfigError, TomlError, check_trusted, read_trusted};

/// Id and text of each built-in collector, sorted; made by `collectors/build.rs`.
const BUILT_IN: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/catalogue.rs"));

/// The catalogue.
#[derive(Debug)]
pub struct Catalog {
    definitions: Vec<Definition>,
}

/// Why there is no catalogue.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// A definition is wrong.
    #[error("{0}")]
    Definition(#[from] TomlError),
    /// A file or folder is not used.
    #[error("{0}")]
    File(#[from] ConfigError),
    /// A folder cannot be listed.
    #[error("cannot list {0}")]
    Folder(String),
    /// Two definitions have one name.
    #[error("{origin}: there is a collector of the name {id} already")]
    Twice {
        /// The name.
        id: String,
        /// Where the second stands.
        origin: String,
    },
    /// A definition asks for native code that there is none of.
    #[error("{origin}: there is no native code for {id}")]
    NoNative {
        /// The collector.
        id: String,
        /// Where it stands.
        origin: String,
    },
}

impl Catalog {
    /// What is built in.
    pub fn built_in() -> Result<Catalog, CatalogError> {
        let mut catalog = Catalog { definitions: Vec::new() };
        for (id, text) in BUILT_IN {
            catalog.add(Definition::parse(id, text, "built in")?)?;
        }
        Ok(catalog)
    }

    /// Adds every `*.toml` of a folder. Folder and files must be root's, or the caller's, and not writable by others:
    /// what they say is done as root.
    pub fn add_folder(&mut self, folder: &Path) -> Result<(), CatalogError> {
        let unlisted = |_| CatalogError::Folder(folder.display().to_string());
        let met = std::fs::metadata(folder)
            .map_err(|source| ConfigError::Io { path: folder.to_owned(), source })?;
        check_trusted(folder, &met)?;
        for found in WalkDir::new(folder).min_depth(1).max_depth(1).sort_by_file_name() {
            let found = found.map_err(unlisted)?;
            let name = found.file_name().to_string_lossy();
            if let Some(id) = name.strip_suffix(".toml") {
                let text = read_trusted(found.path())?;
                self.add(Definition::parse(id, &text, &found.path().display().to_string())?)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, definition: Definition) -> Result<(), CatalogError> {
        let (id, origin) = (definition.id.clone(), definition.origin.clone());
        if self.get(&id).is_some() {
            return Err(CatalogError::Twice { id, origin });
        }
        let wants_native = definition.steps.iter().any(|step| step.id == "native");
        if wants_native && native::find(&id).is_none() {
            return Err(CatalogError::NoNative { id, origin });
        }
        self.definitions.push(definition);
        Ok(())
    }

    /// All of them, by id.
    pub fn all(&self) -> &[Definition] {
        &self.definitions
    }

    /// One of them.
    pub fn get(&self, id: &str) -> Option<&Definition> {
        self.definitions.iter().find(|definition| definition.id == id)
    }

    /// What somebody who typed `wanted` may have meant.
    pub fn suggestion(&self, wanted: &str) -> String {
        const ALL: &str = "'phi-ir collectors' lists them all";
        if wanted.contains([',', ' ']) {
            return format!("name one at a time: --only ID --only ID; {ALL}");
        }
        let ids = || self.definitions.iter().map(|definition| definition.id.as_str());
        let near = ids().map(|id| (strsim::damerau_levenshtein(wanted, id), id)).min();
        let alike: Vec<&str> = match near {
            Some((distance, id)) if distance <= 2 => vec![id],
            _ => ids().filter(|id| !wanted.is_empty() && id.contains(wanted)).collect(),
        };
        if alike.is_empty() { ALL.into() } else { format!("did you mean {}? {ALL}", alike.join(" or ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_definition_is_sound() {
        let catalog = Catalog::built_in().unwrap();
        assert!(catalog.all().len() >= 30, "{}", catalog.all().len());
        for definition in catalog.all() {
            assert!(!definition.why.is_empty() && !definition.title.is_empty(), "{}", definition.id);
            for earlier in &definition.after {
                let other =
                    catalog.get(earlier).unwrap_or_else(|| panic!("{}: after {earlier}", definition.id));
                assert_eq!(other.place(), definition.place(), "{} comes after {earlier}", definition.id);
            }
        }
    }

    #[test]
    fn every_native_has_a_definition() {
        let catalog = Catalog::built_in().unwrap();
        for id in native::ids() {
            let definition = catalog.get(id).unwrap_or_else(|| panic!("no definition for {id}"));
            assert!(definition.steps.iter().any(|step| step.id == "native"), "{id}");
        }
    }

    #[test]
    fn a_folder_that_others_can_write_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let text = "title='T'\nwhy='w'\nvolatility='persistent'\nprofiles=['full']\nphi='none'\n[[copy]]\npaths=['/x']\n";
        std::fs::write(dir.path().join("mine.toml"), text).unwrap();
        let mut catalog = Catalog::built_in().unwrap();
        catalog.add_folder(dir.path()).unwrap();
        assert!(catalog.get("mine").is_some());
        assert!(matches!(catalog.add_folder(dir.path()), Err(CatalogError::Twice { .. })));
        let set = |path: &Path, mode| {
            std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        };
        set(&dir.path().join("mine.toml"), 0o666);
        let mut catalog = Catalog::built_in().unwrap();
        assert!(matches!(catalog.add_folder(dir.path()), Err(CatalogError::File(_))));
        set(&dir.path().join("mine.toml"), 0o600);
        set(dir.path(), 0o777);
        assert!(matches!(catalog.add_folder(dir.path()), Err(CatalogError::File(_))));
    }
}
