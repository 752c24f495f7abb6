//! The file in the data folder that keeps the key of an app: one key per line, the current one first.
//!
//! Only its owner may read it. To rotate the key, write a new first line and keep the old one below it until the app's
//! backend has moved over.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use tsudoi_domain::AppId;

use super::MAX_KEYS;
use crate::config::{Secret, check_key};

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// Reading or writing failed.
    #[error("key file {file} cannot be {doing}: {why}", file = .file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// What the system says.
        why: io::Error,
    },
    /// It holds something else.
    #[error("key file {file} {words}", file = .file.display())]
    Content {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        words: String,
    },
}

/// The key file of an app.
#[must_use]
pub fn path(data_dir: &Path, app: AppId) -> PathBuf {
    data_dir.join(format!("app-{app}.key"))
}

/// Reads a key file; `None` when there is none.
///
/// # Errors
/// The file is there and cannot be read, or holds no key.
pub fn read(file: &Path) -> Result<Option<Vec<Secret>>, KeyFileError> {
    let mut text = String::new();
    // More than two keys of the greatest length is no key file; do not read a device or a database for ever.
    let read = File::open(file).and_then(|opened| opened.take(4096).read_to_string(&mut text));
    match read {
        Ok(_) => {}
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(why) => return Err(KeyFileError::Io { file: file.to_owned(), doing: "read", why }),
    }
    let wrong = |words: String| KeyFileError::Content { file: file.to_owned(), words };
    let keys: Vec<Secret> = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(Secret::new).collect();
    if keys.is_empty() || keys.len() > MAX_KEYS {
        return Err(wrong(format!(
            "has {} keys; write the current key, and below it at most the previous one",
            keys.len()
        )));
    }
    match keys.iter().find_map(|key| check_key(key.reveal()).err()) {
        Some(words) => Err(wrong(format!("has a key that {words}"))),
        None => Ok(Some(keys)),
    }
}

/// Makes a key of 64 lower-case hexadecimal digits and keeps it in a new file that only its owner may read.
///
/// # Errors
/// The file cannot be written, or is there already.
pub fn generate(file: &Path) -> Result<Secret, KeyFileError> {
    let failed = |why| KeyFileError::Io { file: file.to_owned(), doing: "written", why };
    let bytes: [u8; 32] = rand::random();
    let key: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let folder = file.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(failed)?;
    if file.exists() {
        return Err(failed(io::ErrorKind::AlreadyExists.into()));
    }
    // Written beside and moved into place, so that a crash leaves no empty key file.
    let beside = file.with_extension("key.new");
    let mut written =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside).map_err(failed)?;
    writeln!(written, "{key}").and_then(|()| written.sync_all()).map_err(failed)?;
    std::fs::rename(&beside, file).map_err(failed)?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
    Ok(Secret::new(key))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_generated_key_reads_back_and_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let file = path(&folder.path().join("new"), AppId(7));
        assert!(read(&file).unwrap().is_none());
        let key = generate(&file).unwrap();
        assert_eq!(key.reveal().len(), 64);
        assert!(key.reveal().bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)));
        assert_eq!(read(&file).unwrap().unwrap(), [key]);
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(generate(&file).is_err(), "a key file is never replaced");
        assert_eq!(std::fs::read_dir(folder.path().join("new")).unwrap().count(), 1);
    }

    #[test]
    fn a_key_file_may_hold_the_previous_key_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = path(folder.path(), AppId(7));
        std::fs::write(&file, "new\n\nold\n").unwrap();
        assert_eq!(read(&file).unwrap().unwrap(), [Secret::new("new"), Secret::new("old")]);
        for text in ["", "\n", "a\nb\nc\n", "two words\n"] {
            std::fs::write(&file, text).unwrap();
            assert!(matches!(read(&file), Err(KeyFileError::Content { .. })), "{text:?}");
        }
        std::fs::write(&file, [0xff, 0xfe]).unwrap();
        assert!(matches!(read(&file), Err(KeyFileError::Io { .. })));
    }
}
