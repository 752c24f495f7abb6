//! Addresses of files: where a file is, what for, until when, and the server's signature on that.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use object_store::path::Path;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use tsudoi_domain::{AppId, Timestamp};
use tsudoi_store::{Store, StoreError};

use super::FileKind;
use crate::clock::Dice;

const META_KEY: &str = "file_address_key";
/// The longest name that a file keeps, in bytes.
const NAME_BYTES: usize = 160;
/// What a name in an address is not written with.
const ESCAPED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'&')
    .add(b'+')
    .add(b'/')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Names a file for good: the app, the day it came (days since 1970), its kind, and 32 random hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FileKey {
    app: AppId,
    day: u32,
    kind: FileKind,
    random: String,
}

impl FileKey {
    pub(super) fn new(app: AppId, now: Timestamp, kind: FileKind, dice: [u64; 2]) -> Self {
        Self { app, day: day(now), kind, random: format!("{:016x}{:016x}", dice[0], dice[1]) }
    }

    /// Reads the parts of an address: app, day, kind and number.
    pub(super) fn parse(app: &str, day: &str, file: &str) -> Option<Self> {
        let (kind, random) = file.split_once('-')?;
        let is_hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        if random.len() != 32 || !random.chars().all(is_hex) || day.len() > 6 {
            return None;
        }
        let number = |text: &str| text.parse::<u32>().ok().filter(|number| number.to_string() == text);
        Some(Self {
            app: AppId(number(app)?),
            day: number(day)?,
            kind: FileKind::from_word(kind)?,
            random: random.to_owned(),
        })
    }

    /// The app it belongs to.
    #[must_use]
    pub fn app(&self) -> AppId {
        self.app
    }

    /// What it was uploaded as.
    #[must_use]
    pub fn kind(&self) -> FileKind {
        self.kind
    }

    /// The key as text: `app/day/kind-random`.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}/{}/{}-{}", self.app, self.day, self.kind.word(), self.random)
    }

    /// Where it lies in the storage. Made of numbers and fixed words only.
    pub(super) fn place(&self) -> Path {
        Path::from(self.text())
    }

    /// The key and name in an address of ours, signed or not, whatever its host.
    #[must_use]
    pub fn of_address(url: &str) -> Option<(FileKey, String, Option<String>)> {
        let uri: http::Uri = url.parse().ok()?;
        uri.authority()?;
        let parts: Vec<&str> = uri.path().strip_prefix("/files/")?.split('/').collect();
        let [app, day, file, name] = parts[..] else { return None };
        let name = percent_decode_str(name).decode_utf8().ok()?.into_owned();
        Some((FileKey::parse(app, day, file)?, name, uri.query().map(str::to_owned)))
    }
}

/// The day of a moment, in days since 1970.
pub(super) fn day(now: Timestamp) -> u32 {
    u32::try_from(now.0.div_euclid(86_400)).unwrap_or(0)
}

/// What an address is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To write the file.
    Upload,
    /// To read it.
    Download,
}

impl Purpose {
    fn word(self) -> &'static str {
        match self {
            Self::Upload => "put",
            Self::Download => "get",
        }
    }
}

/// An address before it is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Which file.
    pub key: FileKey,
    /// What it is called when it is saved.
    pub name: String,
    /// What for.
    pub purpose: Purpose,
    /// Until when; 0: for good.
    pub until: Timestamp,
}

/// Why an address opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureFault {
    /// It is not signed, by another server, or for something else.
    #[error("the address is not signed for this")]
    Unsigned,
    /// Its time is over.
    #[error("the address has expired")]
    Expired,
}

/// The key that signs addresses: made on the first start and kept, so that addresses outlive the process.
pub(super) struct SigningKey([u8; 32]);

impl SigningKey {
    pub(super) async fn load(store: &Store, dice: &dyn Dice) -> Result<Self, StoreError> {
        if let Some(found) = store.read().meta(META_KEY).await? {
            return found.try_into().map(Self).map_err(|_| StoreError::Corrupt(META_KEY.into()));
        }
        let mut key = [0; 32];
        for part in key.chunks_mut(8) {
            part.copy_from_slice(&dice.u64().to_le_bytes());
        }
        store.read().put_meta(META_KEY, &key).await?;
        Ok(Self(key))
    }

    fn tag(&self, key: &FileKey, name: &str, purpose: Purpose, until: Timestamp) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(format!("{}\n{}\n{}\n{name}", purpose.word(), key.text(), until.0).as_bytes());
        URL_SAFE_NO_PAD.encode(&mac.finalize().into_bytes()[..16])
    }

    /// The address as text below a base like `http://host:port`.
    pub(super) fn sign(&self, address: &Address, base: &str) -> String {
        let Address { key, name, purpose, until } = address;
        let name = safe_name(name);
        let tag = self.tag(key, &name, *purpose, *until);
        let shown = utf8_percent_encode(&name, ESCAPED);
        format!("{base}/files/{}/{shown}?for={}&until={}&sign={tag}", key.text(), purpose.word(), until.0)
    }

    pub(super) fn check(
        &self,
        key: &FileKey,
        name: &str,
        purpose: Purpose,
        query: &str,
        now: Timestamp,
    ) -> Result<(), SignatureFault> {
        let (mut until, mut sign) = (None, None);
        // Clients append parameters of their own.
        for (parameter, value) in form_urlencoded::parse(query.as_bytes()) {
            match parameter.as_ref() {
                "until" => until = value.parse().ok().map(Timestamp),
                "sign" => sign = Some(value.into_owned()),
                _ => {}
            }
        }
        let (Some(until), Some(sign)) = (until, sign) else { return Err(SignatureFault::Unsigned) };
        let expected = self.tag(key, name, purpose, until);
        if !bool::from(expected.as_bytes().ct_eq(sign.as_bytes())) {
            return Err(SignatureFault::Unsigned);
        }
        if until.0 != 0 && now > until {
            return Err(SignatureFault::Expired);
        }
        Ok(())
    }
}

/// The name as it may stand in an address and on a disk: without separators and control characters, not too long, never empty.
/// The ending stays.
fn safe_name(name: &str) -> String {
    let kept: String = name.chars().filter(|c| !c.is_control() && !matches!(c, '/' | '\\' | '"')).collect();
    let kept = kept.trim_start_matches('.').trim();
    if kept.is_empty() {
        return "file".into();
    }
    if kept.len() <= NAME_BYTES {
        return kept.to_owned();
    }
    let mut from = kept.len() - NAME_BYTES;
    while !kept.is_char_boundary(from) {
        from += 1;
    }
    kept[from..].trim_start_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const NOW: Timestamp = Timestamp(1_764_580_000);
    const BASE: &str = "http://127.0.0.1:8700";

    fn signed(name: &str, purpose: Purpose, until: i64) -> (SigningKey, FileKey, String) {
        let signing = SigningKey([7; 32]);
        let key = FileKey::new(AppId(1_400_000_001), NOW, FileKind::Image, [1, 2]);
        let url =
            signing.sign(&Address { key: key.clone(), name: name.into(), purpose, until: Timestamp(until) }, BASE);
        (signing, key, url)
    }

    #[rstest]
    #[case("cat.png", "cat.png")]
    #[case("../../etc/passwd", "etcpasswd")]
    #[case("..\\..\\boot.ini", "boot.ini")]
    #[case("猫 & \"dog\"?.png", "猫 & dog?.png")]
    #[case("", "file")]
    #[case("...", "file")]
    #[case("a\r\nSet-Cookie: x", "aSet-Cookie: x")]
    fn addresses_read_back(#[case] name: &str, #[case] kept: &str) {
        let (signing, key, url) = signed(name, Purpose::Download, NOW.0 + 60);
        assert!(
            url.starts_with("http://127.0.0.1:8700/files/1400000001/20423/image-00000000000000010000000000000002/")
        );
        let (found, found_name, query) = FileKey::of_address(&url).unwrap();
        assert_eq!((&found, found_name.as_str()), (&key, kept));
        let query = query.unwrap();
        assert_eq!(signing.check(&key, kept, Purpose::Download, &query, NOW), Ok(()));
        let with_more = format!("{query}&imageView2/3/w/198/h/198");
        assert_eq!(signing.check(&key, kept, Purpose::Download, &with_more, NOW), Ok(()));
        assert_eq!(signing.check(&key, kept, Purpose::Upload, &query, NOW), Err(SignatureFault::Unsigned));
        assert_eq!(signing.check(&key, "other.html", Purpose::Download, &query, NOW), Err(SignatureFault::Unsigned));
        let later = Timestamp(NOW.0 + 61);
        assert_eq!(signing.check(&key, kept, Purpose::Download, &query, later), Err(SignatureFault::Expired));
        let longer = query.replace("until=1764580060", "until=9764580060");
        assert_eq!(signing.check(&key, kept, Purpose::Download, &longer, NOW), Err(SignatureFault::Unsigned));
        assert_eq!(signing.check(&key, kept, Purpose::Download, "", NOW), Err(SignatureFault::Unsigned));
    }

    #[test]
    fn an_address_may_hold_for_good() {
        let (signing, key, url) = signed("a.png", Purpose::Download, 0);
        let query = url.split_once('?').unwrap().1;
        assert_eq!(signing.check(&key, "a.png", Purpose::Download, query, Timestamp(i64::MAX)), Ok(()));
    }

    #[test]
    fn long_names_keep_their_ending() {
        let name = safe_name(&format!("{}.png", "é".repeat(500)));
        assert!(name.len() <= NAME_BYTES && name.ends_with("é.png"), "{name}");
    }

    #[rstest]
    #[case("https://elsewhere.test/cat.png")]
    #[case("/files/1/2/image-00000000000000010000000000000002/a.png")]
    #[case("http://h/files/1/2/image-0000000000000001000000000000000/a.png")]
    #[case("http://h/files/1/2/image-0000000000000001000000000000000G/a.png")]
    #[case("http://h/files/1/2/page-00000000000000010000000000000002/a.png")]
    #[case("http://h/files/01/2/image-00000000000000010000000000000002/a.png")]
    #[case("http://h/files/1/../image-00000000000000010000000000000002/a.png")]
    #[case("http://h/files/1/2/image-00000000000000010000000000000002/a/b.png")]
    #[case("no address at all")]
    fn other_addresses_are_none_of_ours(#[case] url: &str) {
        assert_eq!(FileKey::of_address(url), None);
    }
}
