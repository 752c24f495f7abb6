//! One notification for one device, in words that every service understands.

use serde::Serialize;

/// A notification.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Notification {
    /// Its name, unique: a service that gets it twice shows it once where it can.
    pub id: String,
    /// The device, as the service knows it.
    pub token: String,
    /// The first line.
    pub title: String,
    /// The text.
    pub body: String,
    /// What the app is told, never shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ext: Option<String>,
    /// The number on the app's icon; absent: it stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub badge: Option<u64>,
    /// Until when it is worth showing, Unix seconds; absent: as long as the service keeps things.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
    /// What belongs together on the screen: the conversation.
    pub thread: String,
    /// What only some services know.
    pub extras: Extras,
}

/// Members of a notification that only some services know.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Extras {
    /// A second line (Apple).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subtitle: Option<String>,
    /// The sound, Apple's name for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apple_sound: Option<String>,
    /// The sound, Android's name for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub android_sound: Option<String>,
    /// A picture for Apple.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apple_image: Option<String>,
    /// A picture for Google.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub google_image: Option<String>,
    /// The channel on Android.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub android_channel: Option<String>,
    /// How much it may disturb (Apple): `active`, `critical`, `passive`, `time-sensitive`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interruption: Option<String>,
    /// The app may change it before it is shown (Apple).
    pub mutable: bool,
    /// It wakes the app and shows nothing (Apple).
    pub silent: bool,
}
