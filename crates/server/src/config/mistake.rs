//! Mistakes in configuration, told in words: where, what, and what was probably meant.

use std::fmt;

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Where it is: `tsudoi.toml line 4`, `TSUDOI_LISTEN`, `--listen`.
    pub place: String,
    /// The setting; empty when the file as a whole is unreadable.
    pub path: String,
    /// What is wrong with it.
    pub words: String,
    /// What was probably meant, or what to do.
    pub hint: Option<String>,
}

impl Mistake {
    /// A mistake without a hint.
    #[must_use]
    pub fn new(place: impl Into<String>, path: impl Into<String>, words: impl Into<String>) -> Mistake {
        Mistake { place: place.into(), path: path.into(), words: words.into(), hint: None }
    }

    /// Adds what was probably meant.
    #[must_use]
    pub fn with_hint(mut self, hint: Option<String>) -> Mistake {
        self.hint = hint;
        self
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if !self.path.is_empty() {
            write!(f, "`{}` ", self.path)?;
        }
        f.write_str(&self.words)?;
        match &self.hint {
            Some(hint) => write!(f, "\n    {hint}"),
            None => Ok(()),
        }
    }
}

/// All mistakes that were found: never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistakes(pub Vec<Mistake>);

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.0.iter().enumerate() {
            write!(f, "{}{mistake}", if index == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

/// "did you mean" for a name that nobody knows, when one of the known ones is near.
///
/// Names are dotted paths; a name whose last part is right is near, wherever it stands.
#[must_use]
pub fn did_you_mean<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(wrong, known).map(|name| format!("did you mean `{name}`?"))
}

fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const LEAST: f64 = 0.75;
    let last = |path: &str| path.rsplit('.').next().map(str::to_owned);
    known
        .into_iter()
        .map(|name| {
            let whole = strsim::normalized_damerau_levenshtein(wrong, name);
            let same_end = if last(wrong) == last(name) { 0.9 } else { 0.0 };
            (whole.max(same_end), name)
        })
        .filter(|(likeness, _)| *likeness >= LEAST)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, name)| name)
}

/// The nearest name, read out of what serde says about an unknown field or variant.
///
/// serde says "unknown field `x`, expected one of `a`, `b`" or "unknown field `x`, expected `a`".
#[must_use]
pub fn did_you_mean_of_serde(message: &str) -> Option<String> {
    if !message.starts_with("unknown ") {
        return None;
    }
    let mut quoted = message.split('`').skip(1).step_by(2);
    let wrong = quoted.next()?;
    did_you_mean(wrong, quoted)
}

/// The line that a place in a text is on, from 1.
#[must_use]
pub fn line_at(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    1 + before.iter().filter(|byte| **byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_suggested_and_far_ones_not() {
        let known = ["listen", "websocket.max_connections", "websocket.max_frame_bytes", "log.level"];
        for (wrong, meant) in [
            ("lisen", Some("listen")),
            ("websocket.max_conections", Some("websocket.max_connections")),
            ("websockets.max_connections", Some("websocket.max_connections")),
            ("max_frame_bytes", Some("websocket.max_frame_bytes")),
            ("level", Some("log.level")),
            ("tls_certificate", None),
        ] {
            assert_eq!(nearest(wrong, known), meant, "{wrong}");
        }
    }

    #[test]
    fn words_of_serde_are_understood() {
        assert_eq!(
            did_you_mean_of_serde("unknown field `adminz`, expected one of `name`, `admins`, `limits`").as_deref(),
            Some("did you mean `admins`?")
        );
        assert_eq!(did_you_mean_of_serde("invalid type: integer `1`, expected a string"), None);
    }

    #[test]
    fn lines_count_from_one() {
        assert_eq!(line_at("a\nb\nc", 0), 1);
        assert_eq!(line_at("a\nb\nc", 4), 3);
        assert_eq!(line_at("a", 99), 1);
    }
}
