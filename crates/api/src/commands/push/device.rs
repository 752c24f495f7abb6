//! Devices that are told of what happens while they are away.
//! Spec: docs/spec/limits-and-editions.md#11, docs/spec/websocket-protocol.md#24

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tsudoi_domain::{
    UserId,
    change::{Change, Write},
    push::PushDevice,
};

use super::attribute::require_known;
use crate::{
    app::App,
    command::{Caller, Command, Done, Route},
    decode,
    error::Error,
    error_code::ErrorCode,
};

/// The longest name of a device, in bytes.
const DEVICE_BYTES: usize = 128;

/// Lets pass a device of an app's own channel.
fn check(app: &App, device: &PushDevice) -> Result<(), Error> {
    let settings = app.settings();
    if device.token.is_empty() {
        return Err(ErrorCode::PushTokenEmpty.into());
    }
    let most = settings.push.token_bytes as usize;
    if device.token.len() > most {
        let text = format!("the token has {} bytes, at most {most} are allowed", device.token.len());
        return Err(Error::new(ErrorCode::PushTokenTooLong, text));
    }
    if !settings.push.channels.iter().any(|channel| channel.id() == device.channel) {
        let text = format!("the app has no push channel {}", device.channel);
        return Err(Error::new(ErrorCode::PushNoCertificate, text));
    }
    Ok(())
}

async fn put(app: &App, user: &UserId, device: PushDevice) -> Result<Done, Error> {
    check(app, &device)?;
    let most = app.settings().push.devices_per_user.max(1);
    let write = Write::PutPushDevice { user: user.clone(), device: Box::new(device), now: app.now(), most };
    app.commit(Change::none().write(write)).await?;
    Ok(Done {})
}

/// Says how the caller's device is reached while it is away. Gateway.
/// Limits: `push.token_bytes`, `push.devices_per_user`. Errors: `PushTokenEmpty`, `PushTokenTooLong`, `PushNoCertificate`.
/// Spec: docs/spec/websocket-protocol.md#24
#[derive(Debug, Deserialize)]
pub struct SetToken {
    /// Of Android devices.
    #[serde(rename = "TokenID", default)]
    android: String,
    /// Of Apple's devices.
    #[serde(rename = "VarToken", default)]
    apple: String,
    #[serde(rename = "BusiID", deserialize_with = "decode::lenient_u64")]
    channel: u64,
}

impl Command for SetToken {
    const ROUTE: Route = Route::socket("im_open_status", "ws_stat_settoken", "docs/spec/websocket-protocol.md#24");
    type Reply = Done;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        let device = caller.session().map_or("", |session| session.instance()).to_owned();
        let token = if self.apple.is_empty() { self.android } else { self.apple };
        let channel = u32::try_from(self.channel).unwrap_or(u32::MAX);
        put(app, &caller.user, PushDevice { device, channel, token, enabled: true }).await
    }
}

/// The app went to the background: the device is told through its push service from now on. Gateway.
/// Spec: docs/spec/websocket-protocol.md#24
#[derive(Debug, Deserialize)]
pub struct Background {}

impl Command for Background {
    const ROUTE: Route = Route::socket("im_open_status", "ws_stat_background", "docs/spec/websocket-protocol.md#24");
    type Reply = Done;

    async fn run(self, caller: &Caller, _: &Arc<App>) -> Result<Done, Error> {
        if let Some(session) = caller.session() {
            session.set_background(true);
        }
        Ok(Done {})
    }
}

/// The app is in front again. Gateway.
/// Spec: docs/spec/websocket-protocol.md#24
#[derive(Debug, Deserialize)]
pub struct Foreground {}

impl Command for Foreground {
    const ROUTE: Route = Route::socket("im_open_status", "ws_stat_foreground", "docs/spec/websocket-protocol.md#24");
    type Reply = Done;

    async fn run(self, caller: &Caller, _: &Arc<App>) -> Result<Done, Error> {
        if let Some(session) = caller.session() {
            session.set_background(false);
        }
        Ok(Done {})
    }
}

/// Says for a user how one of their devices is reached while it is away: for apps whose devices tell it to their own backend. REST;
/// Tsudoi's own.
/// Limits: `push.token_bytes`, `push.devices_per_user`, names of 1 to 128 bytes. Errors: `GroupBadParameter`, `MessageAccountNotFound`,
/// `PushTokenEmpty`, `PushTokenTooLong`, `PushNoCertificate`.
/// Spec: docs/spec/rest-push-ops.md#2.6
#[derive(Debug, Deserialize)]
pub struct PutDevice {
    #[serde(rename = "To_Account")]
    user: UserId,
    #[serde(rename = "DeviceID")]
    device: String,
    #[serde(rename = "BusinessID")]
    channel: u32,
    #[serde(rename = "Token")]
    token: String,
    /// 0: the device is known, but not told.
    #[serde(rename = "Enabled", default = "enabled", deserialize_with = "decode::flag")]
    enabled: bool,
}

fn enabled() -> bool {
    true
}

impl Command for PutDevice {
    const ROUTE: Route = Route::rest("tsudoi_push", "set_device", "docs/spec/rest-push-ops.md#2.6");
    type Reply = Done;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        if !(1..=DEVICE_BYTES).contains(&self.device.len()) {
            let text = format!("`DeviceID` has not 1 to {DEVICE_BYTES} bytes");
            return Err(Error::new(ErrorCode::GroupBadParameter, text));
        }
        require_known(app, std::iter::once(&self.user)).await?;
        let Self { user, device, channel, token, enabled } = self;
        put(app, &user, PushDevice { device, channel, token, enabled }).await
    }
}

/// Tells the devices of a user. REST; Tsudoi's own.
/// Errors: `GroupBadParameter`.
/// Spec: docs/spec/rest-push-ops.md#2.6
#[derive(Debug, Deserialize)]
pub struct GetDevices {
    #[serde(rename = "To_Account")]
    user: UserId,
}

/// The devices of a user, the one heard of last first.
#[derive(Debug, Serialize)]
pub struct Devices {
    #[serde(rename = "DeviceList")]
    devices: Vec<Device>,
}

#[derive(Debug, Serialize)]
struct Device {
    #[serde(rename = "DeviceID")]
    device: String,
    #[serde(rename = "BusinessID")]
    channel: u32,
    #[serde(rename = "Token")]
    token: String,
    #[serde(rename = "Enabled")]
    enabled: u32,
}

impl Command for GetDevices {
    const ROUTE: Route = Route::rest("tsudoi_push", "get_devices", "docs/spec/rest-push-ops.md#2.6");
    type Reply = Devices;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Devices, Error> {
        let devices = app.store().read().push_devices(app.id(), &self.user).await?;
        let devices = devices.into_iter().map(|PushDevice { device, channel, token, enabled }| Device {
            device,
            channel,
            token,
            enabled: enabled.into(),
        });
        Ok(Devices { devices: devices.collect() })
    }
}

/// Forgets a device of a user; one that is not known is no fault. REST; Tsudoi's own.
/// Errors: `GroupBadParameter`.
/// Spec: docs/spec/rest-push-ops.md#2.6
#[derive(Debug, Deserialize)]
pub struct DeleteDevice {
    #[serde(rename = "To_Account")]
    user: UserId,
    #[serde(rename = "DeviceID")]
    device: String,
}

impl Command for DeleteDevice {
    const ROUTE: Route = Route::rest("tsudoi_push", "delete_device", "docs/spec/rest-push-ops.md#2.6");
    type Reply = Done;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        app.commit(Change::none().write(Write::DeletePushDevice { user: self.user, device: self.device })).await?;
        Ok(Done {})
    }
}
