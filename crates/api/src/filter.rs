//! Looks for unwanted words in what people say.
//!
//! All words of an app are put into one automaton, so that a text costs the same whether there are ten words or a million. The
//! filter is made anew when a list changes and takes the old one's place at once.
//!
//! Letters count as the same in capitals and in small. Where several words lie in a text, the sternest treatment counts.
//!
//! Spec: docs/spec/rest-push-ops.md#5, docs/spec/webhooks.md#1.12

use std::{collections::BTreeMap, ops::Range, path::Path, sync::Arc, time::SystemTime};

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use regex::{Regex, RegexBuilder};
use serde_json::value::RawValue;
use tsudoi_domain::{
    moderation::{Treatment, Word, WordList},
    settings::ModerationSettings,
};

/// Where a text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In a message between two people.
    Direct,
    /// In a message to a group.
    Group,
    /// In the profile of a user.
    UserInfo,
    /// In the profile of a group.
    GroupInfo,
    /// In what a member is called in a group.
    MemberInfo,
    /// In what somebody writes about or to a friend.
    Relation,
}

impl Place {
    /// Whether it is a message.
    #[must_use]
    pub fn is_message(self) -> bool {
        matches!(self, Self::Direct | Self::Group)
    }
}

/// Whose text is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author {
    /// Somebody at a client.
    Client,
    /// The app's backend.
    Backend,
    /// Nobody in particular: the backend asks about a text.
    Anybody,
}

/// A word with what comes of it.
#[derive(Debug, Clone)]
struct Rule {
    text: Arc<str>,
    /// The list it is on; `None`: the settings.
    list: Option<WordList>,
    treatment: Treatment,
    replacement: Arc<str>,
    label: Arc<str>,
}

/// What was found in a text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// The sternest treatment of the words that were found; `None` when there were none.
    pub treatment: Option<Treatment>,
    /// The words, each once.
    pub words: Vec<String>,
    /// What kind the sternest one is.
    pub label: String,
    /// The text with words replaced, when any had to be.
    pub masked: Option<String>,
}

/// Most words that findings name.
const MAX_NAMED: usize = 50;
/// Most memory of one regular expression, in bytes.
const REGEX_BYTES: usize = 1 << 20;
/// Most bytes that are read of a file of words.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// All unwanted words of an app, ready to be looked for.
#[derive(Debug, Default)]
pub struct Filter {
    rules: Vec<Rule>,
    /// Finds every word that stops a text or asks for a look; patterns are numbered by `stops`.
    stop: Option<AhoCorasick>,
    stops: Vec<usize>,
    /// Finds the longest of the words that are replaced; patterns are numbered by `masks`.
    mask: Option<AhoCorasick>,
    masks: Vec<usize>,
    regexes: Vec<(Regex, usize)>,
    /// The words of the lists as they are kept, for commands that show them.
    words: Arc<[Word]>,
    rest: bool,
    profiles: bool,
    custom_elements: bool,
    report_all: bool,
}

impl Filter {
    /// Puts the words together. Regular expressions that are too large or broken, and files that cannot be read, are left out and
    /// told to the log.
    #[must_use]
    pub fn new(settings: &ModerationSettings, words: Vec<Word>, enabled: bool) -> Self {
        let mut filter = Self {
            words: words.into(),
            rest: settings.rest,
            profiles: settings.profiles,
            custom_elements: settings.custom_elements,
            report_all: settings.report_all,
            ..Self::default()
        };
        if !enabled {
            return filter;
        }
        let own = [
            (&settings.refused_words, Treatment::Refuse),
            (&settings.masked_words, Treatment::Mask),
            (&settings.dropped_words, Treatment::Drop),
        ];
        for (list, treatment) in own {
            for text in list {
                filter.add(Rule::of_settings(text, treatment, ""));
            }
        }
        for file in &settings.word_files {
            match read_words(Path::new(&file.path)) {
                Ok(text) => {
                    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
                    for line in lines {
                        filter.add(Rule::of_settings(line, file.treatment, &file.label));
                    }
                }
                Err(error) => tracing::warn!(file = file.path, %error, "a file of words cannot be read"),
            }
        }
        for word in filter.words.clone().iter() {
            let rule = Rule {
                text: word.text.as_str().into(),
                list: Some(word.list.clone()),
                treatment: word.treatment,
                replacement: word.replacement.as_str().into(),
                label: word.label.as_str().into(),
            };
            if word.is_regex {
                match regex(&word.text) {
                    Ok(regex) => {
                        filter.regexes.push((regex, filter.rules.len()));
                        filter.rules.push(rule);
                    }
                    Err(error) => tracing::warn!(%error, "a regular expression of a word list cannot be used"),
                }
            } else {
                filter.add(rule);
            }
        }
        filter.build();
        filter
    }

    fn add(&mut self, rule: Rule) {
        if rule.text.is_empty() {
            return;
        }
        let numbers = if rule.treatment == Treatment::Mask { &mut self.masks } else { &mut self.stops };
        numbers.push(self.rules.len());
        self.rules.push(rule);
    }

    fn build(&mut self) {
        let automaton = |numbers: &[usize], kind| {
            if numbers.is_empty() {
                return None;
            }
            let patterns = numbers.iter().map(|number| folded(&self.rules[*number].text));
            // A compact automaton: lists may be long.
            let built =
                AhoCorasick::builder().match_kind(kind).kind(Some(AhoCorasickKind::ContiguousNFA)).build(patterns);
            built.inspect_err(|error| tracing::error!(%error, "the word lists are too large to be looked for")).ok()
        };
        let stop = automaton(&self.stops, MatchKind::Standard);
        let mask = automaton(&self.masks, MatchKind::LeftmostLongest);
        (self.stop, self.mask) = (stop, mask);
    }

    /// The words of the lists as they are kept.
    #[must_use]
    pub fn words(&self) -> &Arc<[Word]> {
        &self.words
    }

    /// Whether the app's backend is also told of texts that passed.
    #[must_use]
    pub fn reports_all(&self) -> bool {
        self.report_all
    }

    fn looks_at(&self, place: Place, author: Author) -> bool {
        !self.rules.is_empty() && (place.is_message() || self.profiles) && (author != Author::Backend || self.rest)
    }

    /// What is in a text.
    #[must_use]
    pub fn look(&self, text: &str, place: Place, author: Author) -> Findings {
        let mut findings = Findings::default();
        if text.is_empty() || !self.looks_at(place, author) {
            return findings;
        }
        let text_folded = folded(text);
        let mut masks: Vec<(Range<usize>, usize)> = Vec::new();
        if let Some(stop) = &self.stop {
            for found in stop.find_overlapping_iter(&text_folded) {
                let number = self.stops[found.pattern().as_usize()];
                self.note(&mut findings, number, place, author);
            }
        }
        if let Some(mask) = &self.mask {
            for found in mask.find_iter(&text_folded) {
                let number = self.masks[found.pattern().as_usize()];
                if self.note(&mut findings, number, place, author) {
                    masks.push((found.range(), number));
                }
            }
        }
        for (regex, number) in &self.regexes {
            for found in regex.find_iter(text).filter(|found| !found.is_empty()) {
                let applies = self.note(&mut findings, *number, place, author);
                if applies && self.rules[*number].treatment == Treatment::Mask {
                    masks.push((found.range(), *number));
                }
            }
        }
        if !masks.is_empty() {
            findings.masked = Some(self.masked(text, masks));
        }
        findings
    }

    /// Notes a word that was found; answers whether it counts there.
    fn note(&self, findings: &mut Findings, number: usize, place: Place, author: Author) -> bool {
        let rule = &self.rules[number];
        let counts = match &rule.list {
            // docs/spec/rest-push-ops.md#5.4: what clients say, nothing else.
            Some(WordList::Dirty) => place.is_message() && author != Author::Backend,
            Some(WordList::Local) => author != Author::Backend,
            Some(WordList::Library(_)) | None => true,
        };
        if !counts {
            return false;
        }
        if findings.words.len() < MAX_NAMED && !findings.words.iter().any(|word| **word == *rule.text) {
            findings.words.push(rule.text.to_string());
        }
        if findings.treatment.is_none_or(|before| rule.treatment < before) {
            findings.treatment = Some(rule.treatment);
            findings.label = rule.label.to_string();
        }
        true
    }

    fn masked(&self, text: &str, mut masks: Vec<(Range<usize>, usize)>) -> String {
        masks.sort_by_key(|(range, _)| (range.start, usize::MAX - range.end));
        let mut masked = String::with_capacity(text.len());
        let mut done = 0;
        for (range, number) in masks {
            if range.start < done {
                continue;
            }
            masked.push_str(&text[done..range.start]);
            let replacement = &self.rules[number].replacement;
            if replacement.is_empty() {
                masked.extend(text[range.clone()].chars().map(|_| '*'));
            } else {
                masked.push_str(replacement);
            }
            done = range.end;
        }
        masked.push_str(&text[done..]);
        masked
    }

    /// What is in the elements of a message (JSON), and the elements with words replaced, when any had to be.
    #[must_use]
    pub fn look_at_elements(&self, elements: &str, place: Place, author: Author) -> (Findings, Option<Arc<str>>) {
        let mut findings = Findings::default();
        if !self.looks_at(place, author) {
            return (findings, None);
        }
        let Ok(mut list) = serde_json::from_str::<Vec<Box<RawValue>>>(elements) else { return (findings, None) };
        let mut changed = false;
        for element in &mut list {
            let Ok(mut members) = serde_json::from_str::<BTreeMap<String, Box<RawValue>>>(element.get()) else {
                continue;
            };
            let names: &[&str] = match members.get("MsgType").map(|kind| kind.get()) {
                Some(r#""TIMTextElem""#) => &["Text"],
                Some(r#""TIMCustomElem""#) if self.custom_elements => &["Data", "Desc"],
                _ => continue,
            };
            let content = members.get("MsgContent").map(|content| content.get());
            let Some(Ok(mut content)) = content.map(serde_json::from_str::<BTreeMap<String, Box<RawValue>>>) else {
                continue;
            };
            let mut replaced = false;
            for name in names {
                let Some(Ok(text)) = content.get(*name).map(|value| serde_json::from_str::<String>(value.get())) else {
                    continue;
                };
                let mut found = self.look(&text, place, author);
                if let Some(masked) = found.masked.take() {
                    content.insert((*name).to_owned(), raw(&masked));
                    replaced = true;
                }
                merge(&mut findings, found);
            }
            if replaced {
                members.insert("MsgContent".to_owned(), raw(&content));
                *element = raw(&members);
                changed = true;
            }
        }
        let masked = changed.then(|| serde_json::to_string(&list).expect("elements are plain data").into());
        (findings, masked)
    }
}

/// Adds what was found in another part of the same text.
fn merge(all: &mut Findings, more: Findings) {
    for word in more.words {
        if all.words.len() < MAX_NAMED && !all.words.contains(&word) {
            all.words.push(word);
        }
    }
    if let Some(treatment) = more.treatment
        && all.treatment.is_none_or(|before| treatment < before)
    {
        all.treatment = Some(treatment);
        all.label = more.label;
    }
}

impl Rule {
    fn of_settings(text: &str, treatment: Treatment, label: &str) -> Self {
        Self { text: text.trim().into(), list: None, treatment, replacement: "".into(), label: label.into() }
    }
}

fn raw(value: &impl serde::Serialize) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).expect("a text or an object of raw values")
}

/// A regular expression as it is looked for, or why it cannot be.
///
/// # Errors
/// What is wrong with it.
pub fn regex(text: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(text).case_insensitive(true).size_limit(REGEX_BYTES).dfa_size_limit(REGEX_BYTES).build()
}

/// The text in small letters. Every letter keeps its place: those whose small form is of another length stay as they are.
fn folded(text: &str) -> String {
    text.chars()
        .map(|letter| {
            let mut small = letter.to_lowercase();
            match (small.next(), small.next()) {
                (Some(one), None) if one.len_utf8() == letter.len_utf8() => one,
                _ => letter,
            }
        })
        .collect()
}

fn read_words(path: &Path) -> std::io::Result<String> {
    let length = std::fs::metadata(path)?.len();
    if length > MAX_FILE_BYTES {
        return Err(std::io::Error::other(format!("it has {length} bytes, at most {MAX_FILE_BYTES} are read")));
    }
    std::fs::read_to_string(path)
}

/// When the files of words last changed; compared, so that a change is noticed.
#[must_use]
pub fn file_times(settings: &ModerationSettings) -> Vec<Option<SystemTime>> {
    settings
        .word_files
        .iter()
        .map(|file| std::fs::metadata(&file.path).and_then(|found| found.modified()).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use tsudoi_domain::Timestamp;

    use super::*;

    fn word(list: WordList, text: &str, treatment: Treatment) -> Word {
        Word {
            id: 0,
            list,
            text: text.into(),
            is_regex: false,
            treatment,
            replacement: String::new(),
            label: String::new(),
            updated_at: Timestamp(1),
        }
    }

    fn library(text: &str, treatment: Treatment) -> Word {
        word(WordList::Library("1".into()), text, treatment)
    }

    fn filter(words: Vec<Word>) -> Filter {
        Filter::new(&ModerationSettings::default(), words, true)
    }

    fn look(filter: &Filter, text: &str) -> Findings {
        filter.look(text, Place::Group, Author::Client)
    }

    #[test]
    fn the_sternest_word_counts() {
        let filter = filter(vec![
            library("duck", Treatment::Mask),
            library("quack", Treatment::Drop),
            library("pill", Treatment::Refuse),
            library("goose", Treatment::Review),
        ]);
        for (text, treatment) in [
            ("nothing", None),
            ("a goose", Some(Treatment::Review)),
            ("duck and goose", Some(Treatment::Mask)),
            ("duck says QUACK", Some(Treatment::Drop)),
            ("quackpills", Some(Treatment::Refuse)),
        ] {
            assert_eq!(look(&filter, text).treatment, treatment, "{text}");
        }
        assert_eq!(look(&filter, "quack quack duck").words, ["quack", "duck"]);
    }

    #[test]
    fn masked_words_keep_what_stands_around_them() {
        let mut replaced = library("cat", Treatment::Mask);
        replaced.replacement = "dog".into();
        let filter = filter(vec![library("鴨", Treatment::Mask), library("ducks", Treatment::Mask), replaced]);
        assert_eq!(look(&filter, "Ducks, 鴨と CAT.").masked.as_deref(), Some("*****, *と dog."));
        assert_eq!(look(&filter, "İducks").masked.as_deref(), Some("İ*****"), "letters keep their places");
        assert_eq!(look(&filter, "fine").masked, None);
    }

    #[test]
    fn regular_expressions_are_looked_for() {
        let mut word = library(r"\b1[38]\d{9}\b", Treatment::Mask);
        word.is_regex = true;
        let filter = filter(vec![word]);
        assert_eq!(look(&filter, "call 13800138000 now").masked.as_deref(), Some("call *********** now"));
        assert!(regex("(").is_err());
        assert!(regex("(a{1000}){1000}").is_err(), "too large");
    }

    #[test]
    fn lists_count_where_the_documents_say() {
        let filter = filter(vec![
            word(WordList::Dirty, "dirty", Treatment::Refuse),
            word(WordList::Local, "local", Treatment::Refuse),
            library("library", Treatment::Refuse),
        ]);
        for (text, place, author, found) in [
            ("dirty", Place::Group, Author::Client, true),
            ("dirty", Place::Direct, Author::Backend, false),
            ("dirty", Place::UserInfo, Author::Client, false),
            ("local", Place::UserInfo, Author::Client, true),
            ("local", Place::Group, Author::Backend, false),
            ("library", Place::Group, Author::Backend, true),
            ("library", Place::GroupInfo, Author::Client, true),
        ] {
            assert_eq!(filter.look(text, place, author).treatment.is_some(), found, "{text} {place:?} {author:?}");
        }
    }

    #[test]
    fn elements_keep_what_is_not_a_word() {
        let filter = filter(vec![library("duck", Treatment::Mask)]);
        let elements = r#"[{"MsgType":"TIMTextElem","MsgContent":{"Text":"a duck","x":1.50},"y":12345678901234567890},{"MsgType":"TIMCustomElem","MsgContent":{"Data":"duck"}}]"#;
        let (findings, masked) = filter.look_at_elements(elements, Place::Direct, Author::Client);
        assert_eq!(findings.words, ["duck"]);
        let masked = masked.expect("a word was replaced");
        assert!(
            masked.contains(r#""Text":"a ****""#) && masked.contains("1.50") && masked.contains("12345678901234567890")
        );
        assert!(masked.contains(r#""Data":"duck""#), "custom elements are looked at only where the app says so");
        assert_eq!(filter.look_at_elements("[]", Place::Direct, Author::Client).1, None);
    }

    #[test]
    fn lists_may_be_long() {
        let words = (0..100_000).map(|number| library(&format!("word{number:06}"), Treatment::Refuse)).collect();
        let filter = filter(words);
        assert_eq!(look(&filter, "a word099999 b").words, ["word099999"]);
        assert_eq!(look(&filter, "a word b").treatment, None);
    }
}
