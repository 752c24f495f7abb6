//! Addresses of files, and bans of files. Spec: docs/spec/websocket-protocol.md#22, docs/spec/rest-push-ops.md#4.4

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tsudoi_domain::change::{Change, Write};

use crate::{
    app::App,
    catalogue::{Entry, list},
    command::{Caller, Command, Done, Route},
    error::Error,
    error_code::ErrorCode,
    files::{FileKey, FileKind, Purpose},
};

pub(crate) fn all() -> Vec<Entry> {
    list![UploadAddress, UploadAddresses, ImageInfo, FinalAddress, VideoCover, SignAddresses, Ban, LiftBan]
}

/// The most addresses that one call signs, and the most files that one call prepares.
const BATCH: usize = 10;
/// The longest name of a file that is looked at, in bytes.
const NAME_BYTES: usize = 1024;

fn storage_failed(error: &object_store::Error) -> Error {
    tracing::error!(%error, "the storage of files is unavailable");
    ErrorCode::GroupInternal.into()
}

fn checked_name(name: &str) -> Result<&str, Error> {
    if name.len() > NAME_BYTES {
        let text = format!("`file_name` has {} bytes, at most {NAME_BYTES} are allowed", name.len());
        return Err(Error::new(ErrorCode::GroupBadParameter, text));
    }
    Ok(name)
}

/// Answers where a file is to be uploaded to, and where everybody can download it from afterwards. Gateway.
/// Limits: the upload address holds a quarter of an hour, the other one `files.days`. Errors: `GroupBadParameter`.
/// Spec: docs/spec/websocket-protocol.md#22
#[derive(Debug, Deserialize)]
pub struct UploadAddress {
    #[serde(default)]
    file_type: u32,
    #[serde(default)]
    file_name: String,
}

/// Where the file goes and where it can be had.
#[derive(Debug, Serialize)]
pub struct UploadTarget {
    upload_url: String,
    download_url: String,
    expired_time: i64,
    request_id: String,
}

impl Command for UploadAddress {
    const ROUTE: Route = Route::socket("im_cos_msg", "pre_sig", "docs/spec/websocket-protocol.md#22");
    type Reply = UploadTarget;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<UploadTarget, Error> {
        let name = checked_name(&self.file_name)?;
        let base = caller.session().map_or("", |session| session.reached_at());
        let files = &app.shared().files;
        let key = files.new_key(app, FileKind::from_number(self.file_type));
        let (upload_url, until) = files.upload_address(&key, name, base, app.now());
        Ok(UploadTarget {
            upload_url,
            download_url: files.download_address(app, &key, name, base),
            expired_time: until.0,
            request_id: key.text(),
        })
    }
}

/// As [`UploadAddress`], for several files, in the names of clients that download through a proxy. Gateway.
/// Limits: 10 files. Errors: `GroupBadParameter`.
/// Spec: docs/spec/websocket-protocol.md#22
#[derive(Debug, Deserialize)]
pub struct UploadAddresses {
    rpt_upload_object: Vec<UploadObject>,
}

#[derive(Debug, Deserialize)]
struct UploadObject {
    uint32_file_id: u32,
    #[serde(default)]
    uint32_file_type: u32,
    #[serde(default)]
    str_file_name: String,
}

/// Where the files go and where they can be had.
#[derive(Debug, Serialize)]
pub struct UploadTargets {
    /// Empty: clients upload to the address as it is.
    str_final_ip: &'static str,
    rpt_pre_sig: Vec<ObjectTarget>,
}

#[derive(Debug, Serialize)]
struct ObjectTarget {
    uint32_file_id: u32,
    uint32_exist_flag: u32,
    str_upload_url: String,
    str_download_url: String,
    str_file_key: String,
}

impl Command for UploadAddresses {
    const ROUTE: Route = Route::socket("im_cos_msg", "simple_sig", "docs/spec/websocket-protocol.md#22");
    type Reply = UploadTargets;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<UploadTargets, Error> {
        if self.rpt_upload_object.is_empty() || self.rpt_upload_object.len() > BATCH {
            let text = format!("`rpt_upload_object` has {} files, not 1 to {BATCH}", self.rpt_upload_object.len());
            return Err(Error::new(ErrorCode::GroupBadParameter, text));
        }
        let base = caller.session().map_or("", |session| session.reached_at());
        let files = &app.shared().files;
        let target = |object: &UploadObject| {
            let name = checked_name(&object.str_file_name)?;
            let key = files.new_key(app, FileKind::from_number(object.uint32_file_type));
            Ok(ObjectTarget {
                uint32_file_id: object.uint32_file_id,
                uint32_exist_flag: 0,
                str_upload_url: files.upload_address(&key, name, base, app.now()).0,
                str_download_url: files.download_address(app, &key, name, base),
                str_file_key: key.text(),
            })
        };
        let targets: Result<_, Error> = self.rpt_upload_object.iter().map(target).collect();
        Ok(UploadTargets { str_final_ip: "", rpt_pre_sig: targets? })
    }
}

/// Tells how large a picture is on screen, for the three sizes that messages name: the server keeps one, clients scale. Gateway.
/// Errors: `GroupBadParameter` for what is no picture of ours.
/// Spec: docs/spec/websocket-protocol.md#22
#[derive(Debug, Deserialize)]
pub struct ImageInfo {
    str_image_url: String,
}

/// The sizes of a picture.
#[derive(Debug, Serialize)]
pub struct ImageSizes {
    rpt_msg_image_info: Vec<ImageSize>,
}

#[derive(Debug, Serialize)]
struct ImageSize {
    /// 1 thumbnail, 2 large, 3 original.
    uint32_image_type: u32,
    str_url: String,
    uint32_width: usize,
    uint32_height: usize,
}

/// How much of a picture is read to learn its size.
const IMAGE_HEAD_BYTES: u64 = 256 << 10;

impl Command for ImageInfo {
    const ROUTE: Route = Route::socket("im_cos_msg", "get_imageinfo", "docs/spec/websocket-protocol.md#22");
    type Reply = ImageSizes;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<ImageSizes, Error> {
        let bad = |words: &str| Error::new(ErrorCode::GroupBadParameter, format!("`str_image_url` {words}"));
        let (key, _) = own_file(app, &self.str_image_url, true).ok_or_else(|| bad("is no address of this server"))?;
        let head = app.shared().files.head(&key, IMAGE_HEAD_BYTES).await.map_err(|e| storage_failed(&e))?;
        let head = head.ok_or_else(|| bad("was not uploaded"))?;
        let size = imagesize::blob_size(&head).map_err(|_| bad("is no picture"))?;
        let sizes = [1, 2, 3].map(|kind| ImageSize {
            uint32_image_type: kind,
            str_url: self.str_image_url.clone(),
            uint32_width: size.width,
            uint32_height: size.height,
        });
        Ok(ImageSizes { rpt_msg_image_info: sizes.into() })
    }
}

/// Names no other address to download from. Gateway.
/// Spec: docs/spec/websocket-protocol.md#22
#[derive(Debug, Deserialize)]
pub struct FinalAddress {}

/// No address.
#[derive(Debug, Serialize)]
pub struct NoFinalAddress {
    str_final_ip: &'static str,
}

impl Command for FinalAddress {
    const ROUTE: Route = Route::socket("im_cos_msg", "get_final_ip", "docs/spec/websocket-protocol.md#22");
    type Reply = NoFinalAddress;

    async fn run(self, _: &Caller, _: &Arc<App>) -> Result<NoFinalAddress, Error> {
        Ok(NoFinalAddress { str_final_ip: "" })
    }
}

/// Answers that there is no cover of a video: the server looks into no videos. Gateway.
/// Spec: docs/spec/websocket-protocol.md#22
#[derive(Debug, Deserialize)]
pub struct VideoCover {}

/// No cover.
#[derive(Debug, Serialize)]
pub struct NoCover {
    error_code: u32,
    error_msg: &'static str,
    download_url: &'static str,
}

impl Command for VideoCover {
    const ROUTE: Route = Route::socket("im_cos_msg", "video_cover", "docs/spec/websocket-protocol.md#22");
    type Reply = NoCover;

    async fn run(self, _: &Caller, _: &Arc<App>) -> Result<NoCover, Error> {
        Ok(NoCover { error_code: 0, error_msg: "", download_url: "" })
    }
}

/// The file and name of an address of this app's files. A signature must be the server's; where `signed` is false the address may
/// also have none, or one that has expired.
fn own_file(app: &App, url: &str, signed: bool) -> Option<(FileKey, String)> {
    let (key, name, query) = FileKey::of_address(url)?;
    if key.app() != app.id() {
        return None;
    }
    let checked =
        app.shared().files.check(&key, &name, Purpose::Download, query.as_deref().unwrap_or_default(), app.now());
    match checked {
        Ok(()) => Some((key, name)),
        Err(_) if signed => None,
        // Whoever made the address up does not know a key of ours.
        Err(_) => Some((key, name)),
    }
}

/// Signs addresses of files for a backend, and tells how the files are. REST.
/// Units: the signed address holds 15 minutes. Limits: 10 addresses. Errors: `GroupBadParameter`; per item `Code`.
/// Spec: docs/spec/rest-push-ops.md#4.4
#[derive(Debug, Deserialize)]
pub struct SignAddresses {
    #[serde(rename = "RawURLs")]
    addresses: Vec<RawAddress>,
}

#[derive(Debug, Deserialize)]
struct RawAddress {
    #[serde(rename = "ResourceID")]
    id: i64,
    #[serde(rename = "RawURL")]
    url: String,
}

/// One entry per address.
#[derive(Debug, Serialize)]
pub struct SignedAddresses {
    #[serde(rename = "PreSigURLs")]
    addresses: Vec<SignedAddress>,
}

#[derive(Debug, Serialize)]
struct SignedAddress {
    #[serde(rename = "ResourceID")]
    id: i64,
    #[serde(rename = "Code")]
    code: u32,
    #[serde(rename = "Desc")]
    words: &'static str,
    #[serde(rename = "PreSigURL")]
    url: String,
    /// 0 normal, 1 banned, 2 missing.
    #[serde(rename = "Status")]
    status: u32,
}

impl Command for SignAddresses {
    const ROUTE: Route = Route::rest("im_cos_msg", "get_cos_sig", "docs/spec/rest-push-ops.md#4.4");
    type Reply = SignedAddresses;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<SignedAddresses, Error> {
        if self.addresses.is_empty() || self.addresses.len() > BATCH {
            let text = format!("`RawURLs` has {} addresses, not 1 to {BATCH}", self.addresses.len());
            return Err(Error::new(ErrorCode::GroupBadParameter, text));
        }
        let mut signed = Vec::with_capacity(self.addresses.len());
        for raw in &self.addresses {
            signed.push(sign(app, raw).await?);
        }
        Ok(SignedAddresses { addresses: signed })
    }
}

async fn sign(app: &App, raw: &RawAddress) -> Result<SignedAddress, Error> {
    let answer = SignedAddress { id: raw.id, code: 0, words: "", url: String::new(), status: 0 };
    let Some((key, name)) = own_file(app, &raw.url, false) else {
        let (code, words) = (ErrorCode::GroupBadParameter.number(), "RawURL is no address of a file of this app");
        return Ok(SignedAddress { code, words, status: 2, ..answer });
    };
    let files = &app.shared().files;
    if app.store().read().is_file_banned(app.id(), &key.text()).await? {
        return Ok(SignedAddress { words: "the file is banned", status: 1, ..answer });
    }
    if !files.is_there(&key).await.map_err(|e| storage_failed(&e))? {
        return Ok(SignedAddress { words: "the file does not exist", status: 2, ..answer });
    }
    let url = files.short_address(&key, &name, &base_of(&raw.url), app.now());
    Ok(SignedAddress { url, ..answer })
}

/// Scheme and host of an address.
fn base_of(url: &str) -> String {
    url.match_indices('/').nth(2).map_or_else(|| url.to_owned(), |(end, _)| url[..end].to_owned())
}

/// Bans a file: nobody downloads it any longer. REST.
/// Errors: `GroupBadParameter` for an address that is none of this app's files.
/// Spec: docs/spec/rest-push-ops.md#4.4
#[derive(Debug, Deserialize)]
pub struct Ban {
    #[serde(rename = "RawURL")]
    url: String,
}

impl Command for Ban {
    const ROUTE: Route = Route::rest("im_cos_msg", "forbid_illegal_object", "docs/spec/rest-push-ops.md#4.4");
    type Reply = Done;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        set_ban(app, &self.url, true).await
    }
}

/// Lifts the ban of a file. REST.
/// Errors: `GroupBadParameter` for an address that is none of this app's files.
/// Spec: docs/spec/rest-push-ops.md#4.4
#[derive(Debug, Deserialize)]
pub struct LiftBan {
    #[serde(rename = "RawURL")]
    url: String,
}

impl Command for LiftBan {
    const ROUTE: Route = Route::rest("im_cos_msg", "allow_banned_object", "docs/spec/rest-push-ops.md#4.4");
    type Reply = Done;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        set_ban(app, &self.url, false).await
    }
}

async fn set_ban(app: &App, url: &str, banned: bool) -> Result<Done, Error> {
    let Some((key, _)) = own_file(app, url, false) else {
        let text = "`RawURL` is no address of a file of this app";
        return Err(Error::new(ErrorCode::GroupBadParameter, text));
    };
    app.commit(Change::none().write(Write::SetFileBan { key: key.text(), banned })).await?;
    Ok(Done {})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_of_an_address_is_scheme_and_host() {
        assert_eq!(base_of("https://chat.example.com:8443/files/1/2/x/y?z=/a"), "https://chat.example.com:8443");
        assert_eq!(base_of("http://h/"), "http://h");
    }
}
