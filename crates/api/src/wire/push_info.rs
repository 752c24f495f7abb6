//! `OfflinePushInfo`: how a message is announced by the push services of phone makers. Its shape is checked, its words are not
//! understood: all members are stored and handed on as sent, to clients, webhooks and push providers.
//!
//! Spec: docs/spec/rest-common.md#7

use std::{fmt, sync::Arc};

use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    kept_json::{KeptJson, text_of},
    shape::{Fault, Field, Members, Shape, optional},
};

const OUTER: &[Field] = &[
    optional("PushFlag", Shape::Number),
    optional("Title", Shape::Text),
    optional("Desc", Shape::Text),
    optional("Ext", Shape::Text),
    optional("AndroidInfo", Shape::Object),
    optional("ApnsInfo", Shape::Object),
];

const ANDROID: &[Field] = &[
    optional("Sound", Shape::Text),
    optional("PushStyle", Shape::Number),
    optional("HuaWeiChannelID", Shape::Text),
    optional("XiaoMiChannelID", Shape::Text),
    optional("OPPOChannelID", Shape::Text),
    optional("GoogleChannelID", Shape::Text),
    optional("VIVOClassification", Shape::Number),
    optional("VIVOCategory", Shape::Text),
    optional("HuaWeiImportance", Shape::Text),
    optional("HuaWeiCategory", Shape::Text),
    optional("ExtAsHuaweiIntentParam", Shape::Number),
    optional("HuaWeiImage", Shape::Text),
    optional("HonorImage", Shape::Text),
    optional("HonorImportance", Shape::Text),
    optional("GoogleImage", Shape::Text),
];

const APNS: &[Field] = &[
    optional("Sound", Shape::Text),
    optional("BadgeMode", Shape::Number),
    optional("Title", Shape::Text),
    optional("SubTitle", Shape::Text),
    optional("Image", Shape::Text),
    optional("MutableContent", Shape::Number),
    optional("InterruptionLevel", Shape::Text),
    optional("ContentAvailable", Shape::Number),
];

/// Why a value is no `OfflinePushInfo`. The message service answers 90043, group commands answer 10004.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPushInfo {
    /// The value is not an object.
    #[error("OfflinePushInfo is not an object")]
    NotObject,
    /// A member has the wrong type or is given twice.
    #[error("OfflinePushInfo.{group}{field} {problem}")]
    BadField {
        /// `AndroidInfo.` or `ApnsInfo.` for their members, else empty.
        group: &'static str,
        /// The member's name.
        field: &'static str,
        /// What is wrong with it, for example "is not a string".
        problem: &'static str,
    },
    /// The whole has more bytes than are let through.
    #[error("OfflinePushInfo has {bytes} bytes, at most {limit} are allowed")]
    TooLong {
        /// Size as compact JSON.
        bytes: usize,
        /// The most it may have.
        limit: usize,
    },
}

/// What a sender wants of a notification; what is absent is left to the server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PushWords {
    /// The first line.
    pub title: Option<String>,
    /// The text.
    pub body: Option<String>,
    /// What the app is told.
    pub ext: Option<String>,
    /// A second line.
    pub subtitle: Option<String>,
    /// The sound on Apple's devices.
    pub apple_sound: Option<String>,
    /// The sound on Android.
    pub android_sound: Option<String>,
    /// A picture for Apple's devices.
    pub apple_image: Option<String>,
    /// A picture for Google's service.
    pub google_image: Option<String>,
    /// The channel on Android.
    pub android_channel: Option<String>,
    /// How much it may disturb.
    pub interruption: Option<String>,
    /// The app may change it.
    pub mutable: bool,
    /// It only wakes the app.
    pub silent: bool,
    /// It does not count on the app's icon.
    pub without_badge: bool,
}

/// A push description whose known members have their documented types, as compact JSON.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct OfflinePushInfo(KeptJson);

impl OfflinePushInfo {
    /// Checks what a sender gave. At most `max_bytes` bytes as compact JSON; the vendor names no number for the whole, so use the
    /// one for messages.
    ///
    /// # Errors
    /// [`BadPushInfo`] names the member.
    pub fn parse(json: &RawValue, max_bytes: usize) -> Result<OfflinePushInfo, BadPushInfo> {
        let kept = KeptJson::compact(json);
        let bytes = kept.get().len();
        if bytes > max_bytes {
            return Err(BadPushInfo::TooLong { bytes, limit: max_bytes });
        }
        let outer = Members::of(kept.get()).ok_or(BadPushInfo::NotObject)?;
        outer.check(OUTER).map_err(|fault| bad_field("", fault))?;
        for (name, group, table) in [("AndroidInfo", "AndroidInfo.", ANDROID), ("ApnsInfo", "ApnsInfo.", APNS)] {
            if let Some(members) = outer.get(name).and_then(|inner| Members::of(inner.get())) {
                members.check(table).map_err(|fault| bad_field(group, fault))?;
            }
        }
        Ok(OfflinePushInfo(kept))
    }

    /// Takes JSON that was checked before: read back from the store.
    #[must_use]
    pub fn trusted(json: Arc<str>) -> OfflinePushInfo {
        OfflinePushInfo(KeptJson::trusted(json))
    }

    /// The description as compact JSON.
    #[must_use]
    pub fn as_json(&self) -> &str {
        self.0.get()
    }

    /// The description as compact JSON, to be stored.
    #[must_use]
    pub fn into_json(self) -> Arc<str> {
        self.0.into_text()
    }

    /// Whether the sender wants no push at all (`PushFlag` 1).
    #[must_use]
    pub fn forbids_push(&self) -> bool {
        self.member("PushFlag").is_some_and(|flag| flag.get() == "1")
    }

    /// What it says, in words for services.
    #[must_use]
    pub fn words(&self) -> PushWords {
        let inner = |name: &str| self.member(name).and_then(|raw| Members::of(raw.get()));
        let text_in = |members: &Option<Members<'_>>, name: &str| {
            let text = text_of(members.as_ref()?.get(name)?)?;
            (!text.is_empty()).then(|| text.into_owned())
        };
        let is_one = |members: &Option<Members<'_>>, name: &str| {
            members.as_ref().and_then(|members| members.get(name)).is_some_and(|flag| flag.get() == "1")
        };
        let (apple, android) = (inner("ApnsInfo"), inner("AndroidInfo"));
        PushWords {
            title: text_in(&apple, "Title").or_else(|| self.title()),
            body: self.description(),
            ext: self.text("Ext"),
            subtitle: text_in(&apple, "SubTitle"),
            apple_sound: text_in(&apple, "Sound"),
            android_sound: text_in(&android, "Sound"),
            apple_image: text_in(&apple, "Image"),
            google_image: text_in(&android, "GoogleImage"),
            android_channel: text_in(&android, "GoogleChannelID"),
            interruption: text_in(&apple, "InterruptionLevel"),
            mutable: is_one(&apple, "MutableContent"),
            silent: is_one(&apple, "ContentAvailable"),
            without_badge: is_one(&apple, "BadgeMode"),
        }
    }

    /// The notification's title; `None` if the sender left the default.
    #[must_use]
    pub fn title(&self) -> Option<String> {
        self.text("Title")
    }

    /// The notification's text; `None` if the sender left the default, which is
    /// [`MessageBody::default_push_text`](super::MessageBody::default_push_text).
    #[must_use]
    pub fn description(&self) -> Option<String> {
        self.text("Desc")
    }

    fn text(&self, name: &str) -> Option<String> {
        let text = text_of(self.member(name)?)?;
        (!text.is_empty()).then(|| text.into_owned())
    }

    fn member(&self, name: &str) -> Option<&RawValue> {
        Members::of(self.0.get())?.get(name)
    }
}

fn bad_field(group: &'static str, Fault { field, problem }: Fault) -> BadPushInfo {
    BadPushInfo::BadField { group, field, problem }
}

/// Shows the size only: what people write to each other stays out of logs.
impl fmt::Debug for OfflinePushInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OfflinePushInfo({:?})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn parse(json: &str) -> Result<OfflinePushInfo, BadPushInfo> {
        OfflinePushInfo::parse(&RawValue::from_string(json.to_owned()).unwrap(), 12_288)
    }

    /// docs/spec/rest-common.md#7.2
    const EXAMPLE: &str = r#"{
        "PushFlag": 0, "Title": "Depot", "Desc": "Your parcel is ready", "Ext": "{\"parcel\":81}",
        "AndroidInfo": { "Sound": "bell.mp3", "XiaoMiChannelID": "ch_7", "VIVOClassification": 1 },
        "ApnsInfo": { "Sound": "bell.caf", "BadgeMode": 1, "SubTitle": "Hall 3", "MutableContent": 1 }
    }"#;

    #[test]
    fn the_example_is_kept_as_sent() {
        let info = parse(EXAMPLE).unwrap();
        let sent: serde_json::Value = serde_json::from_str(EXAMPLE).unwrap();
        assert_eq!(serde_json::to_value(&info).unwrap(), sent);
        assert_eq!(info.title().as_deref(), Some("Depot"));
        assert_eq!(info.description().as_deref(), Some("Your parcel is ready"));
        assert!(!info.forbids_push());
    }

    #[rstest]
    #[case::nothing("{}")]
    #[case::nulls(r#"{"PushFlag":null,"Desc":null,"AndroidInfo":null,"ApnsInfo":null}"#)]
    #[case::unknown_members(r#"{"Later":[1],"AndroidInfo":{"MeiZuNoticeMsgType":1},"ApnsInfo":{"IsVoipPush":0}}"#)]
    fn other_descriptions_are_accepted(#[case] json: &str) {
        assert_eq!(parse(json).unwrap().as_json(), json);
    }

    #[test]
    fn empty_texts_leave_the_default() {
        let info = parse(r#"{"PushFlag":1,"Title":"","Desc":""}"#).unwrap();
        assert_eq!((info.title(), info.description()), (None, None));
        assert!(info.forbids_push());
    }

    #[rstest]
    #[case("[]", "OfflinePushInfo is not an object")]
    #[case(r#""{}""#, "OfflinePushInfo is not an object")]
    #[case(r#"{"PushFlag":"0"}"#, "OfflinePushInfo.PushFlag is not a number")]
    #[case(r#"{"Title":7}"#, "OfflinePushInfo.Title is not a string")]
    #[case(r#"{"Ext":{}}"#, "OfflinePushInfo.Ext is not a string")]
    #[case(r#"{"Desc":"a","Desc":"b"}"#, "OfflinePushInfo.Desc is given twice")]
    #[case(r#"{"AndroidInfo":[]}"#, "OfflinePushInfo.AndroidInfo is not an object")]
    #[case(r#"{"AndroidInfo":{"PushStyle":"1"}}"#, "OfflinePushInfo.AndroidInfo.PushStyle is not a number")]
    #[case(r#"{"ApnsInfo":"x"}"#, "OfflinePushInfo.ApnsInfo is not an object")]
    #[case(r#"{"ApnsInfo":{"BadgeMode":true}}"#, "OfflinePushInfo.ApnsInfo.BadgeMode is not a number")]
    #[case(r#"{"ApnsInfo":{"Image":1}}"#, "OfflinePushInfo.ApnsInfo.Image is not a string")]
    fn malformed_descriptions_are_refused(#[case] json: &str, #[case] text: &str) {
        assert_eq!(parse(json).unwrap_err().to_string(), text);
    }

    #[test]
    fn size_is_bounded() {
        let json = |bytes: usize| format!(r#"{{ "Ext": "{}" }}"#, "x".repeat(bytes - r#"{"Ext":""}"#.len()));
        assert!(parse(&json(12_288)).is_ok());
        let refusal = parse(&json(12_289)).unwrap_err();
        assert_eq!(refusal, BadPushInfo::TooLong { bytes: 12_289, limit: 12_288 });
    }

    #[test]
    fn words_stay_out_of_debug_texts() {
        assert_eq!(format!("{:?}", parse(r#"{"Desc":"secret"}"#).unwrap()), "OfflinePushInfo(17 bytes)");
    }
}
