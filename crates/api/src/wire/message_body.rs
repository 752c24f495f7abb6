//! `MsgBody`: the list of elements a message consists of. Its shape is checked, its content is kept and delivered as sent.
//!
//! Spec: docs/spec/rest-common.md#6

use std::{borrow::Cow, fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{
    kept_json::{KeptJson, text_of},
    shape::{Fault, Field, Members, Shape, optional, required},
};
use crate::error_code::ErrorCode;

/// How large a message may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyLimits {
    /// Bytes of the elements and the custom data together, as compact JSON. 12,288 by default.
    ///
    /// Spec: docs/spec/rest-common.md#6.2
    pub max_bytes: usize,
    /// How many merged messages may lie in each other. 100 by default.
    ///
    /// Spec: docs/spec/limits-and-editions.md#3
    pub max_merge_depth: usize,
}

impl Default for BodyLimits {
    fn default() -> BodyLimits {
        BodyLimits { max_bytes: 12_288, max_merge_depth: 100 }
    }
}

/// Why a value is no message body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// `MsgBody` is no array.
    #[error("MsgBody is not an array")]
    NotArray,
    /// `MsgBody` has no elements.
    #[error("MsgBody is empty")]
    Empty,
    /// An element is no object with a type.
    #[error("MsgBody[{index}]{fault}")]
    BadElement {
        /// Which element, counted from 0.
        index: usize,
        /// Which part of it and what is wrong, for example ".MsgType is missing".
        fault: &'static str,
    },
    /// An element has a type that nobody knows.
    #[error("MsgBody[{index}].MsgType is unknown")]
    UnknownType {
        /// Which element, counted from 0.
        index: usize,
    },
    /// An element has a type that only the server may send (tips and notices).
    #[error("MsgBody[{index}].MsgType is reserved for the server")]
    ReservedType {
        /// Which element, counted from 0.
        index: usize,
    },
    /// The content of an element does not fit its type.
    #[error("MsgBody[{index}].MsgContent{field} {problem}")]
    BadContent {
        /// Which element, counted from 0.
        index: usize,
        /// Path of the member with a dot in front; empty for the content itself.
        field: String,
        /// What is wrong with it, for example "is not a string".
        problem: &'static str,
    },
    /// There is more than one `TIMCustomElem`.
    #[error("MsgBody[{index}] is a second TIMCustomElem")]
    SecondCustom {
        /// Which element is the second one, counted from 0.
        index: usize,
    },
    /// Merged messages lie in each other more often than allowed.
    #[error("MsgBody[{index}] has merged messages more than {limit} levels deep")]
    TooDeep {
        /// Which element, counted from 0.
        index: usize,
        /// The most levels there may be.
        limit: usize,
    },
    /// The message is too long.
    #[error("message has {bytes} bytes, at most {limit} are allowed")]
    TooLong {
        /// Size of elements and custom data as compact JSON.
        bytes: usize,
        /// The most it may have.
        limit: usize,
    },
}

impl BodyError {
    /// The number that commands of the message service answer. Batch messages answer a long one with 90055 and some commands
    /// with 93000, as their sections say.
    ///
    /// Spec: docs/spec/rest-common.md#6.1
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            BodyError::NotArray => ErrorCode::MessageBodyNotArray,
            BodyError::Empty | BodyError::BadElement { .. } => ErrorCode::MessageBadBody,
            BodyError::UnknownType { .. }
            | BodyError::ReservedType { .. }
            | BodyError::BadContent { .. }
            | BodyError::SecondCustom { .. }
            | BodyError::TooDeep { .. } => ErrorCode::MessageBadElement,
            BodyError::TooLong { .. } => ErrorCode::MessageTooLong,
        }
    }

    /// The number that group commands answer.
    ///
    /// Spec: docs/spec/rest-groups.md#0.4
    #[must_use]
    pub const fn group_code(&self) -> ErrorCode {
        match self {
            BodyError::TooLong { .. } => ErrorCode::MessageTooLong,
            BodyError::NotArray
            | BodyError::Empty
            | BodyError::BadElement { .. }
            | BodyError::UnknownType { .. }
            | BodyError::ReservedType { .. }
            | BodyError::BadContent { .. }
            | BodyError::SecondCustom { .. }
            | BodyError::TooDeep { .. } => ErrorCode::GroupBadParameter,
        }
    }
}

/// The elements that clients and REST callers may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ElementType {
    Text,
    Location,
    Face,
    Custom,
    Sound,
    Image,
    File,
    Video,
    Merged,
}

impl ElementType {
    fn named(name: &str) -> Option<ElementType> {
        Some(match name {
            "TIMTextElem" => ElementType::Text,
            "TIMLocationElem" => ElementType::Location,
            "TIMFaceElem" => ElementType::Face,
            "TIMCustomElem" => ElementType::Custom,
            "TIMSoundElem" => ElementType::Sound,
            "TIMImageElem" => ElementType::Image,
            "TIMFileElem" => ElementType::File,
            "TIMVideoFileElem" => ElementType::Video,
            "TIMRelayElem" => ElementType::Merged,
            _ => return None,
        })
    }

    /// The members of `MsgContent`. Required is what the specification requires, except download flags, which can only say 2, and
    /// the preview of a video, which browsers cannot always make (docs/spec/websocket-protocol.md#22).
    ///
    /// Spec: docs/spec/rest-common.md#6.3
    fn fields(self) -> &'static [Field] {
        match self {
            ElementType::Text => const { &[required("Text", Shape::Text)] },
            ElementType::Location => {
                const {
                    &[
                        optional("Desc", Shape::Text),
                        optional("Latitude", Shape::Number),
                        optional("Longitude", Shape::Number),
                    ]
                }
            }
            ElementType::Face => const { &[optional("Index", Shape::Number), optional("Data", Shape::Text)] },
            ElementType::Custom => {
                const {
                    &[
                        required("Data", Shape::Text),
                        optional("Desc", Shape::Text),
                        optional("Ext", Shape::Text),
                        optional("Sound", Shape::Text),
                    ]
                }
            }
            ElementType::Sound => {
                const {
                    &[
                        required("Url", Shape::Text),
                        required("UUID", Shape::Text),
                        required("Size", Shape::Number),
                        required("Second", Shape::Number),
                        optional("Download_Flag", Shape::Number),
                    ]
                }
            }
            ElementType::Image => {
                const {
                    &[
                        required("UUID", Shape::Text),
                        required("ImageFormat", Shape::Number),
                        required("ImageInfoArray", Shape::Array),
                    ]
                }
            }
            ElementType::File => {
                const {
                    &[
                        required("Url", Shape::Text),
                        required("UUID", Shape::Text),
                        required("FileSize", Shape::Number),
                        required("FileName", Shape::Text),
                        optional("Download_Flag", Shape::Number),
                    ]
                }
            }
            ElementType::Video => {
                const {
                    &[
                        required("VideoUrl", Shape::Text),
                        required("VideoUUID", Shape::Text),
                        required("VideoSize", Shape::Number),
                        required("VideoSecond", Shape::Number),
                        required("VideoFormat", Shape::Text),
                        optional("VideoDownloadFlag", Shape::Number),
                        optional("ThumbUrl", Shape::Text),
                        optional("ThumbUUID", Shape::Text),
                        optional("ThumbSize", Shape::Number),
                        optional("ThumbWidth", Shape::Number),
                        optional("ThumbHeight", Shape::Number),
                        optional("ThumbFormat", Shape::Text),
                        optional("ThumbDownloadFlag", Shape::Number),
                    ]
                }
            }
            ElementType::Merged => {
                const {
                    &[
                        optional("Title", Shape::Text),
                        optional("MsgNum", Shape::Number),
                        optional("CompatibleText", Shape::Text),
                        optional("AbstractList", Shape::Array),
                        optional("MsgList", Shape::Array),
                        optional("JsonMsgKey", Shape::Text),
                    ]
                }
            }
        }
    }

    /// What stands for the element in the default text of a push; `None` for the two that bring their own.
    ///
    /// Spec: docs/spec/rest-common.md#7.1
    fn push_word(self) -> Option<&'static str> {
        match self {
            ElementType::Text | ElementType::Custom => None,
            ElementType::Location => Some("[Location]"),
            ElementType::Face => Some("[Face]"),
            ElementType::Sound => Some("[Audio]"),
            ElementType::Image => Some("[Image]"),
            ElementType::File => Some("[File]"),
            ElementType::Video => Some("[Video]"),
            ElementType::Merged => Some("[Merged messages]"),
        }
    }
}

/// One picture of an image element.
const IMAGE_INFO: &[Field] = &[
    optional("Type", Shape::Number),
    optional("Size", Shape::Number),
    optional("Width", Shape::Number),
    optional("Height", Shape::Number),
    optional("URL", Shape::Text),
];

/// How many levels of JSON one merged message in another one takes, with room for members that nobody here knows.
const LEVELS_PER_MERGE: usize = 10;
/// How many levels of JSON a message without merged ones may have.
const OWN_LEVELS: usize = 24;

/// How deep lists and objects lie in each other in a valid JSON text.
fn depth(json: &str) -> usize {
    let (mut deepest, mut level) = (0_usize, 0_usize);
    let (mut in_text, mut escaped) = (false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => {
                level += 1;
                deepest = deepest.max(level);
            }
            b']' | b'}' if !in_text => level = level.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// The sizes of one picture: original, large, thumbnail.
const MAX_IMAGES: usize = 3;

/// The elements of one message, at least one, as compact JSON. Cheap to clone; written into answers and frames as it is.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct MessageBody(KeptJson);

/// An element as it comes, its values unread. A member named twice is refused.
#[derive(Deserialize)]
struct RawElement<'a> {
    #[serde(rename = "MsgType", borrow)]
    element_type: Option<&'a RawValue>,
    #[serde(rename = "MsgContent", borrow)]
    content: Option<&'a RawValue>,
}

impl MessageBody {
    /// Checks what a sender gave as `MsgBody`, without its custom data: see [`MessageBody::check_size`].
    ///
    /// Members that the specification does not name are kept and not looked at, also inside of merged messages, which may hold
    /// elements of any age.
    ///
    /// ```
    /// use serde_json::value::RawValue;
    /// use tsudoi_api::wire::{BodyLimits, MessageBody};
    ///
    /// let sent = r#"[{"MsgType": "TIMTextElem", "MsgContent": {"Text": "parcel 81 is here"}}]"#;
    /// let sent = RawValue::from_string(sent.to_owned()).unwrap();
    /// let body = MessageBody::parse(&sent, BodyLimits::default()).unwrap();
    /// assert_eq!(body.default_push_text().as_deref(), Some("parcel 81 is here"));
    /// ```
    ///
    /// # Errors
    /// [`BodyError`] names the element and the member.
    pub fn parse(json: &RawValue, limits: BodyLimits) -> Result<MessageBody, BodyError> {
        if !json.get().starts_with('[') {
            return Err(BodyError::NotArray);
        }
        let body = MessageBody(KeptJson::compact(json));
        body.check_size(None, limits)?;
        if depth(body.as_json()) > LEVELS_PER_MERGE * limits.max_merge_depth + OWN_LEVELS {
            return Err(BodyError::TooDeep { index: 0, limit: limits.max_merge_depth });
        }
        let elements: Vec<&RawValue> = serde_json::from_str(body.as_json()).map_err(|_| BodyError::NotArray)?;
        if elements.is_empty() {
            return Err(BodyError::Empty);
        }
        let mut has_custom = false;
        for (index, element) in elements.into_iter().enumerate() {
            let element_type = check_element(element, index, limits)?;
            if element_type == ElementType::Custom && std::mem::replace(&mut has_custom, true) {
                return Err(BodyError::SecondCustom { index });
            }
        }
        Ok(body)
    }

    /// Takes JSON that was checked before: read back from the store, or made by the server.
    #[must_use]
    pub fn trusted(json: Arc<str>) -> MessageBody {
        MessageBody(KeptJson::trusted(json))
    }

    /// The elements as a compact JSON array.
    #[must_use]
    pub fn as_json(&self) -> &str {
        self.0.get()
    }

    /// The elements as a compact JSON array, to be stored.
    #[must_use]
    pub fn into_json(self) -> Arc<str> {
        self.0.into_text()
    }

    /// The size of the message in bytes: elements and custom data as compact JSON. Absent or empty custom data does not count.
    ///
    /// Spec: docs/spec/rest-common.md#6.2
    #[must_use]
    pub fn size_with(&self, cloud_custom_data: Option<&str>) -> usize {
        self.as_json().len() + cloud_custom_data.map_or(0, json_string_bytes)
    }

    /// Checks the size of the message with its custom data.
    ///
    /// # Errors
    /// [`BodyError::TooLong`] above `limits.max_bytes`.
    pub fn check_size(&self, cloud_custom_data: Option<&str>, limits: BodyLimits) -> Result<(), BodyError> {
        let bytes = self.size_with(cloud_custom_data);
        if bytes > limits.max_bytes {
            return Err(BodyError::TooLong { bytes, limit: limits.max_bytes });
        }
        Ok(())
    }

    /// The texts of the text elements, in order: what word filters look at.
    pub fn texts(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.elements()
            .filter(|(element_type, _)| *element_type == ElementType::Text)
            .filter_map(|(_, content)| text_of(content.get("Text")?))
    }

    /// What a push notification says when the sender gave no text for it; `None` if there is nothing to say, and then there is no
    /// push: a custom element without description has no words.
    ///
    /// Spec: docs/spec/rest-common.md#7.1
    #[must_use]
    pub fn default_push_text(&self) -> Option<String> {
        let mut joined = String::new();
        for (element_type, content) in self.elements() {
            let own_words = match element_type {
                ElementType::Text => content.get("Text"),
                ElementType::Custom => content.get("Desc"),
                _ => None,
            };
            joined.push_str(element_type.push_word().unwrap_or_default());
            joined.push_str(&own_words.and_then(text_of).unwrap_or_default());
        }
        (!joined.is_empty()).then_some(joined)
    }

    /// The elements of known types. The body was checked when it came in, so what does not read is from the server itself.
    fn elements(&self) -> impl Iterator<Item = (ElementType, Members<'_>)> {
        let elements: Vec<RawElement<'_>> = serde_json::from_str(self.as_json()).unwrap_or_default();
        elements.into_iter().filter_map(|element| {
            let element_type = ElementType::named(&text_of(element.element_type?)?)?;
            Some((element_type, Members::of(element.content?.get())?))
        })
    }
}

/// How many bytes `text` takes as a JSON string; an empty one counts as absent.
fn json_string_bytes(text: &str) -> usize {
    if text.is_empty() {
        return 0;
    }
    let escapes: usize = text
        .bytes()
        .map(|byte| match byte {
            b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 1,
            0..0x20 => 5,
            _ => 0,
        })
        .sum();
    text.len() + escapes + 2
}

fn check_element(element: &RawValue, index: usize, limits: BodyLimits) -> Result<ElementType, BodyError> {
    let (type_name, content) = split_element(element).map_err(|fault| BodyError::BadElement { index, fault })?;
    let Some(element_type) = ElementType::named(&type_name) else {
        if matches!(&*type_name, "TIMGroupTipElem" | "TIMGroupSystemNoticeElem") {
            return Err(BodyError::ReservedType { index });
        }
        return Err(BodyError::UnknownType { index });
    };

    let bad = |field: String, problem| Err(BodyError::BadContent { index, field, problem });
    let Some(content) = content.and_then(|content| Members::of(content.get())) else {
        return bad(String::new(), "is not an object");
    };
    if let Err(Fault { field, problem }) = content.check(element_type.fields()) {
        return bad(format!(".{field}"), problem);
    }
    match element_type {
        ElementType::Image => {
            let images = items(content.get("ImageInfoArray"));
            if images.len() > MAX_IMAGES {
                return bad(".ImageInfoArray".to_owned(), "has more than 3 entries");
            }
            for (at, image) in images.into_iter().enumerate() {
                let Some(image) = Members::of(image.get()) else {
                    return bad(format!(".ImageInfoArray[{at}]"), "is not an object");
                };
                if let Err(Fault { field, problem }) = image.check(IMAGE_INFO) {
                    return bad(format!(".ImageInfoArray[{at}].{field}"), problem);
                }
            }
        }
        ElementType::Merged => {
            let lines = items(content.get("AbstractList"));
            if let Some(at) = lines.iter().position(|line| !line.get().starts_with('"')) {
                return bad(format!(".AbstractList[{at}]"), "is not a string");
            }
            check_merged(content.get("MsgList"), index, limits.max_merge_depth)?;
        }
        _ => {}
    }
    Ok(element_type)
}

/// Checks the bundle of a merged message down to its last level. Bundled messages are history, so only their outline is checked.
fn check_merged(bundle: Option<&RawValue>, index: usize, max_depth: usize) -> Result<(), BodyError> {
    let bad = |problem| Err(BodyError::BadContent { index, field: ".MsgList".to_owned(), problem });
    // A list of what is still to be looked at instead of a recursion: a sender decides how deep it goes.
    let mut waiting: Vec<(usize, &RawValue)> = bundle.into_iter().map(|bundle| (1, bundle)).collect();
    while let Some((depth, bundle)) = waiting.pop() {
        if depth > max_depth {
            return Err(BodyError::TooDeep { index, limit: max_depth });
        }
        for message in items(Some(bundle)) {
            let Some(message) = Members::of(message.get()) else {
                return bad("has an entry that is not an object");
            };
            if message.check(const { &[optional("MsgBody", Shape::Array)] }).is_err() {
                return bad("has an entry whose MsgBody is not an array");
            }
            for element in items(message.get("MsgBody")) {
                let Ok((type_name, content)) = split_element(element) else {
                    return bad("has an entry with a malformed element");
                };
                if type_name != "TIMRelayElem" {
                    continue;
                }
                let inner = content.and_then(|content| Members::of(content.get()));
                let Some(inner) = inner.filter(|inner| inner.check(ElementType::Merged.fields()).is_ok()) else {
                    return bad("has an entry with a malformed TIMRelayElem");
                };
                waiting.extend(inner.get("MsgList").map(|bundle| (depth + 1, bundle)));
            }
        }
    }
    Ok(())
}

/// The type and the content of an element, or what keeps it from being one.
fn split_element(element: &RawValue) -> Result<(Cow<'_, str>, Option<&RawValue>), &'static str> {
    if !element.get().starts_with('{') {
        return Err(" is not an object");
    }
    let RawElement { element_type, content } =
        serde_json::from_str(element.get()).map_err(|_| " has a member twice")?;
    let element_type = element_type.ok_or(".MsgType is missing")?;
    Ok((text_of(element_type).ok_or(".MsgType is not a string")?, content))
}

/// The entries of an array that was checked to be one; none of an absent one.
fn items(array: Option<&RawValue>) -> Vec<&RawValue> {
    array.and_then(|array| serde_json::from_str(array.get()).ok()).unwrap_or_default()
}

/// Shows the size only: what people write to each other stays out of logs.
impl fmt::Debug for MessageBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageBody({:?})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn parse_with(json: &str, limits: BodyLimits) -> Result<MessageBody, BodyError> {
        MessageBody::parse(&RawValue::from_string(json.to_owned()).unwrap(), limits)
    }

    fn parse(json: &str) -> Result<MessageBody, BodyError> {
        parse_with(json, BodyLimits::default())
    }

    fn element(element_type: &str, content: &str) -> String {
        format!(r#"{{"MsgType":"{element_type}","MsgContent":{content}}}"#)
    }

    const SOUND: &str = r#"{"Url":"https://f.test/1","UUID":"u1","Size":10,"Second":3,"Download_Flag":2}"#;
    const IMAGE: &str = r#"{"UUID":"u2","ImageFormat":1,"ImageInfoArray":[{"Type":1,"Size":9,"Width":0,"Height":0,"URL":"https://f.test/2"},{"Type":2,"URL":"https://f.test/2l"},{"Type":3,"URL":"https://f.test/2s"}]}"#;
    const FILE: &str = r#"{"Url":"https://f.test/3","UUID":"u3","FileSize":77,"FileName":"a.pdf"}"#;
    const VIDEO: &str = r#"{"VideoUrl":"https://f.test/4","VideoUUID":"u4","VideoSize":5,"VideoSecond":0,"VideoFormat":"mp4","VideoDownloadFlag":2,"ThumbUrl":"https://f.test/4t","ThumbUUID":"u5","ThumbSize":1,"ThumbWidth":200,"ThumbHeight":112.5,"ThumbFormat":"jpg","ThumbDownloadFlag":2}"#;
    const MERGED: &str = r#"{"Title":"talk","MsgNum":1,"CompatibleText":"too old","AbstractList":["ana: hi"],"PbMsgKey":"","MsgList":[{"From_Account":"ana","GroupId":"g","MsgSeq":1,"MsgRandom":2,"MsgTimeStamp":3,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"hi"}}],"CloudCustomData":""}]}"#;

    #[rstest]
    #[case("TIMTextElem", r#"{"Text":""}"#)]
    #[case("TIMTextElem", r#"{"Text":"half \ud83d","More":[1,{"deep":null}]}"#)]
    #[case("TIMLocationElem", r#"{"Desc":"hall","Latitude":29.340656774469956,"Longitude":-1e2}"#)]
    #[case("TIMLocationElem", "{}")]
    #[case("TIMFaceElem", r#"{"Index":-4,"Data":"thumb_up"}"#)]
    #[case("TIMFaceElem", r#"{"Index":1,"Data":null}"#)]
    #[case("TIMCustomElem", r#"{"Data":"{}","Desc":"d","Ext":"e","Sound":"s"}"#)]
    #[case("TIMSoundElem", SOUND)]
    #[case("TIMSoundElem", r#"{"Url":"","UUID":"u","Size":1,"Second":null}"#)]
    #[case("TIMImageElem", IMAGE)]
    #[case("TIMImageElem", r#"{"UUID":"u","ImageFormat":255,"ImageInfoArray":[]}"#)]
    #[case("TIMFileElem", FILE)]
    #[case("TIMVideoFileElem", VIDEO)]
    #[case("TIMVideoFileElem", r#"{"VideoUrl":"v","VideoUUID":"u","VideoSize":5,"VideoSecond":0,"VideoFormat":"mp4"}"#)]
    #[case("TIMRelayElem", MERGED)]
    #[case("TIMRelayElem", r#"{"Title":"t","JsonMsgKey":"k"}"#)]
    #[case(
        "TIMRelayElem",
        r#"{"MsgList":[{"MsgBody":[{"MsgType":"TIMOldElem","MsgContent":{}},{"MsgType":"TIMSoundElem"}]},{}]}"#
    )]
    fn elements_are_accepted_and_kept_as_sent(#[case] element_type: &str, #[case] content: &str) {
        let json = format!("[{}]", element(element_type, content));
        let body = parse(&json).unwrap();
        assert_eq!(body.as_json(), json);
        assert_eq!(serde_json::to_string(&body).unwrap(), json);
    }

    #[test]
    fn several_elements_keep_their_order_and_unknown_members() {
        let json = r#"[ {"Extra" : 1, "MsgType":"TIMTextElem","MsgContent":{"Text":"a"}},
                        {"MsgContent":{"Index":4.0,"Data":"x"},"MsgType":"TIMFaceElem"},
                        {"MsgType":"TIMTextElem","MsgContent":{"Text":"b"}} ]"#;
        let body = parse(json).unwrap();
        assert_eq!(
            body.as_json(),
            r#"[{"Extra":1,"MsgType":"TIMTextElem","MsgContent":{"Text":"a"}},{"MsgContent":{"Index":4.0,"Data":"x"},"MsgType":"TIMFaceElem"},{"MsgType":"TIMTextElem","MsgContent":{"Text":"b"}}]"#
        );
        assert_eq!(body.texts().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[rstest]
    #[case(r#"{}"#, BodyError::NotArray)]
    #[case(r#""[]""#, BodyError::NotArray)]
    #[case("null", BodyError::NotArray)]
    #[case("[]", BodyError::Empty)]
    #[case("[ ]", BodyError::Empty)]
    #[case(r#"[{"MsgType":"TIMFooElem","MsgContent":{}}]"#, BodyError::UnknownType { index: 0 })]
    #[case(r#"[{"MsgType":"timtextelem","MsgContent":{"Text":""}}]"#, BodyError::UnknownType { index: 0 })]
    #[case(r#"[{"MsgType":"TIMGroupTipElem","MsgContent":{}}]"#, BodyError::ReservedType { index: 0 })]
    #[case(r#"[{"MsgType":"TIMGroupSystemNoticeElem","MsgContent":{}}]"#, BodyError::ReservedType { index: 0 })]
    fn bodies_of_the_wrong_kind_are_refused(#[case] json: &str, #[case] refusal: BodyError) {
        assert_eq!(parse(json), Err(refusal));
    }

    #[rstest]
    #[case("[1]", "MsgBody[0] is not an object")]
    #[case(r#"[{"MsgContent":{}}]"#, "MsgBody[0].MsgType is missing")]
    #[case(r#"[{"MsgType":null,"MsgContent":{}}]"#, "MsgBody[0].MsgType is missing")]
    #[case(r#"[{"MsgType":1,"MsgContent":{}}]"#, "MsgBody[0].MsgType is not a string")]
    #[case(
        r#"[{"MsgType":"TIMTextElem","MsgType":"TIMFaceElem","MsgContent":{"Text":""}}]"#,
        "MsgBody[0] has a member twice"
    )]
    #[case(r#"[{"MsgType":"TIMTextElem"}]"#, "MsgBody[0].MsgContent is not an object")]
    #[case(r#"[{"MsgType":"TIMTextElem","MsgContent":"x"}]"#, "MsgBody[0].MsgContent is not an object")]
    fn malformed_elements_are_refused(#[case] json: &str, #[case] text: &str) {
        assert_eq!(parse(json).unwrap_err().to_string(), text);
    }

    #[rstest]
    #[case("TIMTextElem", "{}", ".Text is missing")]
    #[case("TIMTextElem", r#"{"text":"a"}"#, ".Text is missing")]
    #[case("TIMTextElem", r#"{"Text":1}"#, ".Text is not a string")]
    #[case("TIMTextElem", r#"{"Text":"a","Text":"b"}"#, ".Text is given twice")]
    #[case("TIMLocationElem", r#"{"Latitude":"1"}"#, ".Latitude is not a number")]
    #[case("TIMLocationElem", r#"{"Longitude":{}}"#, ".Longitude is not a number")]
    #[case("TIMLocationElem", r#"{"Desc":1}"#, ".Desc is not a string")]
    #[case("TIMFaceElem", r#"{"Index":"4"}"#, ".Index is not a number")]
    #[case("TIMFaceElem", r#"{"Data":4}"#, ".Data is not a string")]
    #[case("TIMCustomElem", r#"{"Desc":"d"}"#, ".Data is missing")]
    #[case("TIMCustomElem", r#"{"Data":{"a":1}}"#, ".Data is not a string")]
    #[case("TIMCustomElem", r#"{"Data":"","Ext":1}"#, ".Ext is not a string")]
    #[case("TIMCustomElem", r#"{"Data":"","Sound":1}"#, ".Sound is not a string")]
    #[case("TIMSoundElem", r#"{"UUID":"u","Size":1,"Second":1}"#, ".Url is missing")]
    #[case("TIMSoundElem", r#"{"Url":"u","UUID":"u","Size":"1","Second":1}"#, ".Size is not a number")]
    #[case("TIMSoundElem", r#"{"Url":"u","UUID":"u","Size":1}"#, ".Second is missing")]
    #[case("TIMImageElem", r#"{"UUID":"u","ImageFormat":"JPG","ImageInfoArray":[]}"#, ".ImageFormat is not a number")]
    #[case("TIMImageElem", r#"{"UUID":"u","ImageFormat":1}"#, ".ImageInfoArray is missing")]
    #[case("TIMImageElem", r#"{"UUID":"u","ImageFormat":1,"ImageInfoArray":{}}"#, ".ImageInfoArray is not an array")]
    #[case(
        "TIMImageElem",
        r#"{"UUID":"u","ImageFormat":1,"ImageInfoArray":[{},1]}"#,
        ".ImageInfoArray[1] is not an object"
    )]
    #[case(
        "TIMImageElem",
        r#"{"UUID":"u","ImageFormat":1,"ImageInfoArray":[{"URL":1}]}"#,
        ".ImageInfoArray[0].URL is not a string"
    )]
    #[case(
        "TIMImageElem",
        r#"{"UUID":"u","ImageFormat":1,"ImageInfoArray":[{},{},{},{}]}"#,
        ".ImageInfoArray has more than 3 entries"
    )]
    #[case("TIMFileElem", r#"{"Url":"u","UUID":"u","FileSize":1,"fileName":"x"}"#, ".FileName is missing")]
    #[case("TIMVideoFileElem", r#"{"VideoUrl":"v"}"#, ".VideoUUID is missing")]
    #[case(
        "TIMVideoFileElem",
        r#"{"VideoUrl":"v","VideoUUID":"u","VideoSize":5,"VideoSecond":0,"VideoFormat":"mp4","ThumbUrl":1}"#,
        ".ThumbUrl is not a string"
    )]
    #[case("TIMRelayElem", r#"{"MsgNum":"1"}"#, ".MsgNum is not a number")]
    #[case("TIMRelayElem", r#"{"AbstractList":["a",1]}"#, ".AbstractList[1] is not a string")]
    #[case("TIMRelayElem", r#"{"MsgList":{}}"#, ".MsgList is not an array")]
    #[case("TIMRelayElem", r#"{"MsgList":[1]}"#, ".MsgList has an entry that is not an object")]
    #[case("TIMRelayElem", r#"{"MsgList":[{"MsgBody":{}}]}"#, ".MsgList has an entry whose MsgBody is not an array")]
    #[case("TIMRelayElem", r#"{"MsgList":[{"MsgBody":[{}]}]}"#, ".MsgList has an entry with a malformed element")]
    #[case(
        "TIMRelayElem",
        r#"{"MsgList":[{"MsgBody":[{"MsgType":"TIMRelayElem","MsgContent":[]}]}]}"#,
        ".MsgList has an entry with a malformed TIMRelayElem"
    )]
    fn content_that_does_not_fit_its_type_is_refused(
        #[case] element_type: &str,
        #[case] content: &str,
        #[case] text: &str,
    ) {
        let json = format!(r#"[{},{}]"#, element("TIMTextElem", r#"{"Text":"a"}"#), element(element_type, content));
        let refusal = parse(&json).unwrap_err();
        assert!(matches!(refusal, BodyError::BadContent { index: 1, .. }));
        assert_eq!(refusal.to_string(), format!("MsgBody[1].MsgContent{text}"));
    }

    #[rstest]
    #[case("{}", 90007)]
    #[case("[]", 90002)]
    #[case("[1]", 90002)]
    #[case(r#"[{"MsgType":"TIMFooElem","MsgContent":{}}]"#, 90010)]
    #[case(r#"[{"MsgType":"TIMGroupTipElem","MsgContent":{}}]"#, 90010)]
    #[case(r#"[{"MsgType":"TIMTextElem","MsgContent":{}}]"#, 90010)]
    fn refusals_have_their_codes(#[case] json: &str, #[case] number: u32) {
        let refusal = parse(json).unwrap_err();
        assert_eq!(refusal.code().number(), number);
        assert_eq!(refusal.group_code().number(), 10004);
    }

    #[test]
    fn long_messages_have_one_code_everywhere() {
        let refusal = BodyError::TooLong { bytes: 12_289, limit: 12_288 };
        assert_eq!((refusal.code().number(), refusal.group_code().number()), (80002, 80002));
    }

    #[test]
    fn a_second_custom_element_is_refused() {
        let custom = element("TIMCustomElem", r#"{"Data":"x"}"#);
        let text = element("TIMTextElem", r#"{"Text":"x"}"#);
        assert!(parse(&format!("[{custom},{text},{text}]")).is_ok());
        assert_eq!(parse(&format!("[{custom},{text},{custom}]")), Err(BodyError::SecondCustom { index: 2 }));
    }

    fn merged_to_depth(depth: usize) -> String {
        let text = element("TIMTextElem", r#"{"Text":"x"}"#);
        (0..depth)
            .fold(text, |inner, _| element("TIMRelayElem", &format!(r#"{{"MsgList":[{{"MsgBody":[{inner}]}}]}}"#)))
    }

    #[test]
    fn merged_messages_have_at_most_100_levels() {
        assert!(parse(&format!("[{}]", merged_to_depth(100))).is_ok());
        let refusal = parse(&format!("[{}]", merged_to_depth(101)));
        assert_eq!(refusal, Err(BodyError::TooDeep { index: 0, limit: 100 }));
    }

    #[test]
    fn very_deep_bundles_do_not_exhaust_the_stack() {
        let limits = BodyLimits { max_bytes: usize::MAX, max_merge_depth: 300 };
        assert!(parse_with(&format!("[{}]", merged_to_depth(300)), limits).is_ok());
    }

    #[test]
    fn size_counts_compact_json_with_custom_data() {
        let text_of_bytes = |bytes: usize| {
            let frame = element("TIMTextElem", r#"{"Text":""}"#).len() + 2;
            element("TIMTextElem", &format!(r#"{{"Text":"{}"}}"#, "x".repeat(bytes - frame)))
        };
        let fits = parse(&format!("  [ {} ]  ", text_of_bytes(12_288))).unwrap();
        assert_eq!(fits.size_with(None), 12_288);
        let too_long = parse(&format!("[{}]", text_of_bytes(12_289)));
        assert_eq!(too_long, Err(BodyError::TooLong { bytes: 12_289, limit: 12_288 }));

        assert_eq!(fits.size_with(Some("")), 12_288);
        let refusal = fits.check_size(Some("a\"b"), BodyLimits::default());
        assert_eq!(refusal, Err(BodyError::TooLong { bytes: 12_294, limit: 12_288 }));
    }

    #[test]
    fn escapes_count_as_the_characters_they_are() {
        let escaped = element("TIMTextElem", &format!(r#"{{"Text":"{}"}}"#, "\\u5ba2".repeat(4_000)));
        let body = parse(&format!("[{escaped}]")).unwrap();
        assert_eq!(body.texts().next().unwrap(), "客".repeat(4_000));
        assert!(body.size_with(None) > 12_000 && body.size_with(None) < 12_100);
    }

    #[rstest]
    #[case("TIMLocationElem", r#"{"Desc":"hall"}"#, Some("[Location]"))]
    #[case("TIMFaceElem", "{}", Some("[Face]"))]
    #[case("TIMSoundElem", SOUND, Some("[Audio]"))]
    #[case("TIMImageElem", IMAGE, Some("[Image]"))]
    #[case("TIMFileElem", FILE, Some("[File]"))]
    #[case("TIMVideoFileElem", VIDEO, Some("[Video]"))]
    #[case("TIMRelayElem", MERGED, Some("[Merged messages]"))]
    #[case("TIMTextElem", r#"{"Text":"hi\n\u00e9"}"#, Some("hi\né"))]
    #[case("TIMTextElem", r#"{"Text":""}"#, None)]
    #[case("TIMCustomElem", r#"{"Data":"x","Desc":"badge"}"#, Some("badge"))]
    #[case("TIMCustomElem", r#"{"Data":"x"}"#, None)]
    fn push_text_of_one_element(#[case] element_type: &str, #[case] content: &str, #[case] text: Option<&str>) {
        let body = parse(&format!("[{}]", element(element_type, content))).unwrap();
        assert_eq!(body.default_push_text().as_deref(), text);
    }

    #[test]
    fn push_texts_of_several_elements_are_joined() {
        let text = element("TIMTextElem", r#"{"Text":"see "}"#);
        let face = element("TIMFaceElem", "{}");
        let custom = element("TIMCustomElem", r#"{"Data":"","Desc":"!"}"#);
        let body = parse(&format!("[{text},{face},{custom}]")).unwrap();
        assert_eq!(body.default_push_text().as_deref(), Some("see [Face]!"));
    }

    #[test]
    fn words_stay_out_of_debug_texts() {
        let body = parse(&format!("[{}]", element("TIMTextElem", r#"{"Text":"secret"}"#))).unwrap();
        assert_eq!(format!("{body:?}"), "MessageBody(58 bytes)");
    }

    #[test]
    fn stored_bodies_come_back_the_same() {
        let body = parse(&format!("[{}]", element("TIMFileElem", FILE))).unwrap();
        assert_eq!(MessageBody::trusted(body.clone().into_json()), body);
    }

    proptest! {
        #[test]
        fn custom_data_counts_as_serde_json_writes_it(text in "\\PC{0,20}|[\\x00-\\x7f]{1,20}") {
            let expected = if text.is_empty() { 0 } else { serde_json::to_string(&text).unwrap().len() };
            prop_assert_eq!(json_string_bytes(&text), expected);
        }

        #[test]
        fn any_text_is_delivered(text: String) {
            let content = serde_json::json!([{"MsgType": "TIMTextElem", "MsgContent": {"Text": text}}]);
            let body = parse(&serde_json::to_string_pretty(&content).unwrap()).unwrap();
            let texts: Vec<_> = body.texts().collect();
            prop_assert_eq!(texts, [&*text]);
        }
    }
}
