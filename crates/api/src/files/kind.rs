//! Kinds of files: how large they may be, and as what they are shown.

use tsudoi_domain::settings::FileSettings;

/// What a client says it uploads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// A picture.
    Image,
    /// A video.
    Video,
    /// A sound.
    Sound,
    /// Anything else.
    Other,
}

impl FileKind {
    /// The kind of the wire's number; anything unknown is some file.
    #[must_use]
    pub fn from_number(number: u32) -> Self {
        match number {
            1 => Self::Image,
            2 => Self::Video,
            3 => Self::Sound,
            _ => Self::Other,
        }
    }

    /// The word for it in keys.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::Sound => "sound",
            Self::Other => "file",
        }
    }

    /// The kind of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Image, Self::Video, Self::Sound, Self::Other].into_iter().find(|kind| kind.word() == word)
    }

    /// The most bytes it may have.
    #[must_use]
    pub fn max_bytes(self, settings: &FileSettings) -> u64 {
        let megabytes = match self {
            Self::Image | Self::Sound => settings.max_image_mb,
            Self::Video | Self::Other => settings.max_file_mb,
        };
        u64::from(megabytes) << 20
    }

    /// Whether a file that begins so may be uploaded as this kind: what claims to be a picture is one that browsers show as a picture
    /// and as nothing else, and nothing that claims to be heard or seen is a page.
    #[must_use]
    pub fn admits(self, beginning: &[u8]) -> bool {
        let found = infer::get(beginning);
        match self {
            Self::Image => found.is_some_and(|kind| IMAGES.contains(&kind.mime_type())),
            Self::Video | Self::Sound => !is_markup(beginning) && found.is_none_or(|kind| is_played(kind.mime_type())),
            Self::Other => true,
        }
    }

    /// As what the file is served: a type that browsers show or play without running anything in it, by its name's ending; else
    /// nothing but bytes.
    #[must_use]
    pub fn content_type(self, name: &str) -> &'static str {
        let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default();
        let known: &[(&str, &str)] = match self {
            Self::Image => &[
                ("jpg", "image/jpeg"),
                ("jpeg", "image/jpeg"),
                ("png", "image/png"),
                ("gif", "image/gif"),
                ("webp", "image/webp"),
                ("bmp", "image/bmp"),
            ],
            Self::Video => {
                &[("mp4", "video/mp4"), ("m4v", "video/mp4"), ("mov", "video/quicktime"), ("webm", "video/webm")]
            }
            Self::Sound => &[
                ("mp3", "audio/mpeg"),
                ("m4a", "audio/mp4"),
                ("aac", "audio/aac"),
                ("wav", "audio/wav"),
                ("ogg", "audio/ogg"),
                ("amr", "audio/amr"),
                ("webm", "audio/webm"),
            ],
            Self::Other => &[],
        };
        match known.iter().find(|(one, _)| *one == ending) {
            Some((_, shown)) => shown,
            // A picture was looked at when it came in; browsers find out which one it is.
            None if self == Self::Image => "image/png",
            None => DOWNLOADED,
        }
    }
}

/// The type of what is saved and not shown.
pub(super) const DOWNLOADED: &str = "application/octet-stream";

const IMAGES: [&str; 6] = ["image/jpeg", "image/png", "image/gif", "image/webp", "image/bmp", "image/heif"];

fn is_played(mime: &str) -> bool {
    mime.starts_with("video/") || mime.starts_with("audio/")
}

/// Whether browsers that guess would take it for a page.
fn is_markup(beginning: &[u8]) -> bool {
    beginning.iter().find(|byte| !byte.is_ascii_whitespace() && ![0xEF, 0xBB, 0xBF].contains(*byte)) == Some(&b'<')
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    const GIF: &[u8] = b"GIF89a\x01\0\x01\0";
    const MP4: &[u8] = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom";
    const HTML: &[u8] = b"\xEF\xBB\xBF <script>alert(1)</script>";
    const SVG: &[u8] = b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"x\"/>";

    #[rstest]
    #[case(FileKind::Image, PNG, true)]
    #[case(FileKind::Image, GIF, true)]
    #[case(FileKind::Image, MP4, false)]
    #[case(FileKind::Image, HTML, false)]
    #[case(FileKind::Image, SVG, false)]
    #[case(FileKind::Image, b"", false)]
    #[case(FileKind::Video, MP4, true)]
    #[case(FileKind::Video, HTML, false)]
    #[case(FileKind::Video, PNG, false)]
    #[case(FileKind::Sound, b"#!AMR\n\x3c\x08\x5e\x7c\x6d\x50\xa0", true)]
    #[case(FileKind::Sound, SVG, false)]
    #[case(FileKind::Sound, b"plain bytes of an unknown sound", true)]
    #[case(FileKind::Other, HTML, true)]
    fn kinds_admit_what_they_say(#[case] kind: FileKind, #[case] beginning: &[u8], #[case] admitted: bool) {
        assert_eq!(kind.admits(beginning), admitted);
    }

    #[rstest]
    #[case(FileKind::Image, "a.JPG", "image/jpeg")]
    #[case(FileKind::Image, "a.svg", "image/png")]
    #[case(FileKind::Image, "a.html", "image/png")]
    #[case(FileKind::Video, "a.mp4", "video/mp4")]
    #[case(FileKind::Video, "a.html", DOWNLOADED)]
    #[case(FileKind::Sound, "a.mp3", "audio/mpeg")]
    #[case(FileKind::Other, "a.html", DOWNLOADED)]
    #[case(FileKind::Other, "a.png", DOWNLOADED)]
    #[case(FileKind::Other, "none", DOWNLOADED)]
    fn nothing_is_served_as_a_page(#[case] kind: FileKind, #[case] name: &str, #[case] served: &str) {
        assert_eq!(kind.content_type(name), served);
    }

    #[test]
    fn words_and_numbers_name_kinds() {
        for (number, kind) in [(1, FileKind::Image), (2, FileKind::Video), (3, FileKind::Sound), (255, FileKind::Other)]
        {
            assert_eq!(FileKind::from_number(number), kind);
            assert_eq!(FileKind::from_word(kind.word()), Some(kind));
        }
        assert_eq!(FileKind::from_word("page"), None);
    }
}
