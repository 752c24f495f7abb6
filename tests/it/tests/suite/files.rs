//! Files: what clients upload is served to everybody who has the address, as nothing that runs, for as long as it is kept.

use reqwest::{Client as Http, Method, Response, StatusCode};
use serde_json::{Value, json};
use tsudoi_it::{
    Client, Server,
    bucket::{ACCESS_KEY, Bucket},
    shared,
};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\x90\0\0\x01\x2c\x08\x06\0\0\0";

fn http() -> Http {
    Http::builder().pool_max_idle_per_host(0).build().expect("a client")
}

async fn target(client: &Client, kind: u32, name: &str) -> (String, String) {
    let body = json!({ "file_type": kind, "file_name": name, "upload_method": 0, "duration": 900 });
    let answer = client.ok("im_cos_msg.pre_sig", body).await;
    let url = |field: &str| answer[field].as_str().expect("an address").to_owned();
    (url("upload_url"), url("download_url"))
}

async fn put(url: &str, bytes: impl Into<reqwest::Body>) -> StatusCode {
    http().put(url).body(bytes).send().await.expect("answered").status()
}

async fn get(url: &str) -> Response {
    http().get(url).send().await.expect("answered")
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map(|value| value.to_str().expect("text")).unwrap_or_default()
}

/// Uploads a file as a new user; answers its address.
async fn uploaded(server: &Server, kind: u32, name: &str, bytes: &[u8]) -> String {
    let users = server.users(&["sender"]).await;
    let client = server.login(&users[0]).await;
    let (upload, download) = target(&client, kind, name).await;
    assert_eq!(put(&upload, bytes.to_vec()).await, StatusCode::OK);
    download
}

#[tokio::test]
async fn a_picture_is_shown_and_nothing_else_is() {
    let server = shared().await;
    let url = uploaded(server, 1, "猫 cat.png", PNG).await;
    assert!(url.starts_with(&server.url("/files/1400000001/")), "{url}");
    let shown = get(&url).await;
    assert_eq!(shown.status(), StatusCode::OK);
    assert_eq!(header(&shown, "content-type"), "image/png");
    assert!(header(&shown, "content-disposition").starts_with("inline; filename*=UTF-8''%E7%8C%AB%20cat%2Epng"));
    assert_eq!(header(&shown, "x-content-type-options"), "nosniff");
    assert_eq!(header(&shown, "access-control-allow-origin"), "*");
    assert!(header(&shown, "content-security-policy").contains("sandbox"));
    let tag = header(&shown, "etag").to_owned();
    assert_eq!(shown.bytes().await.expect("bytes"), PNG);
    let again = http().get(&url).header("if-none-match", tag).send().await.expect("answered");
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);

    let page = uploaded(server, 255, "page.html", b"<script>alert(1)</script>").await;
    let saved = get(&page).await;
    assert_eq!(header(&saved, "content-type"), "application/octet-stream");
    assert!(header(&saved, "content-disposition").starts_with("attachment;"));
}

#[tokio::test]
async fn what_is_no_picture_is_not_taken_for_one() {
    let server = shared().await;
    let users = server.users(&["sender"]).await;
    let client = server.login(&users[0]).await;
    for bytes in [&b"<svg onload='x'/>"[..], b"<html></html>", b"plain"] {
        let (upload, download) = target(&client, 1, "cat.png").await;
        assert_eq!(put(&upload, bytes).await, StatusCode::UNSUPPORTED_MEDIA_TYPE);
        assert_eq!(get(&download).await.status(), StatusCode::NOT_FOUND);
    }
    let (upload, _) = target(&client, 2, "film.mp4").await;
    assert_eq!(put(&upload, &b"  <html></html>"[..]).await, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let (upload, _) = target(&client, 255, "empty").await;
    assert_eq!(put(&upload, &b""[..]).await, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn ranges_of_a_video_are_served() {
    let server = shared().await;
    let mut film = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom".to_vec();
    film.extend((0..100_000_u32).map(|at| u8::try_from(at % 251).expect("small")));
    let url = uploaded(server, 2, "film.mp4", &film).await;
    for (range, from, end) in
        [("bytes=0-99", 0, 100), ("bytes=50000-", 50_000, film.len()), ("bytes=-10", film.len() - 10, film.len())]
    {
        let part = http().get(&url).header("range", range).send().await.expect("answered");
        assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT, "{range}");
        assert_eq!(header(&part, "content-range"), format!("bytes {from}-{}/{}", end - 1, film.len()));
        assert_eq!(part.bytes().await.expect("bytes"), film[from..end]);
    }
    let beyond = http().get(&url).header("range", "bytes=999999-").send().await.expect("answered");
    assert_eq!(beyond.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    let head = http().head(&url).send().await.expect("answered");
    assert_eq!(header(&head, "content-length"), film.len().to_string());
    assert_eq!(header(&head, "accept-ranges"), "bytes");
    assert_eq!(get(&url).await.bytes().await.expect("bytes"), film);
}

#[tokio::test]
async fn addresses_open_what_they_were_signed_for() {
    let server = shared().await;
    let users = server.users(&["sender"]).await;
    let client = server.login(&users[0]).await;
    let (upload, download) = target(&client, 255, "list.txt").await;
    // The address to download does not upload, nor the other way round, nor any part of it changed.
    assert_eq!(put(&download, &b"x"[..]).await, StatusCode::FORBIDDEN);
    assert_eq!(put(&upload, &b"apples"[..]).await, StatusCode::OK);
    assert_eq!(get(&upload).await.status(), StatusCode::FORBIDDEN);
    let bare = download.split('?').next().expect("a path");
    assert_eq!(get(bare).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(get(&download.replace("list.txt", "list.html")).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(get(&download.replace("until=", "until=9")).await.status(), StatusCode::FORBIDDEN);
    // Whatever clients append does no harm, and a file is written once.
    assert_eq!(get(&format!("{download}&imageView2/3/w/198/h/198")).await.status(), StatusCode::OK);
    assert_eq!(put(&upload, &b"pears"[..]).await, StatusCode::CONFLICT);
    assert_eq!(get(&download).await.text().await.expect("text"), "apples");
    for path in ["/files/1400000001/1/../../tsudoi.db", "/files/%2e%2e/%2e%2e/%2e%2e/tsudoi.db", "/files/1/2/3"] {
        assert!(get(&server.url(path)).await.status().is_client_error(), "{path}");
    }
}

#[tokio::test]
async fn any_site_may_ask_first() {
    let server = shared().await;
    let users = server.users(&["sender"]).await;
    let client = server.login(&users[0]).await;
    let (upload, _) = target(&client, 255, "a").await;
    let asked = http()
        .request(Method::OPTIONS, &upload)
        .header("origin", "https://shop.example.com")
        .header("access-control-request-method", "PUT")
        .header("access-control-request-headers", "content-type")
        .send()
        .await
        .expect("answered");
    assert_eq!(asked.status(), StatusCode::OK);
    assert_eq!(header(&asked, "access-control-allow-origin"), "*");
    assert!(header(&asked, "access-control-allow-methods").contains("PUT"));
    assert_eq!(header(&asked, "access-control-allow-headers"), "*");
}

#[tokio::test]
async fn a_form_uploads_too() {
    let server = shared().await;
    let users = server.users(&["sender"]).await;
    let client = server.login(&users[0]).await;
    let (upload, download) = target(&client, 255, "a.txt").await;
    let form = "--cut\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nwhatever\r\n--cut\r\nContent-Disposition: form-data; \
                name=\"file\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\napples\r\n--cut--\r\n";
    let request = http().post(&upload).header("content-type", "multipart/form-data; boundary=cut").body(form);
    assert_eq!(request.send().await.expect("answered").status(), StatusCode::OK);
    assert_eq!(get(&download).await.text().await.expect("text"), "apples");
    let (upload, _) = target(&client, 255, "a.txt").await;
    let request = http().post(&upload).header("content-type", "multipart/form-data; boundary=cut").body("--cut--\r\n");
    assert_eq!(request.send().await.expect("answered").status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn sizes_are_limited_and_nothing_is_left_of_what_is_too_large() {
    let server = Server::with_settings("[apps.settings.files]\nmax_image_mb = 1\nmax_file_mb = 2").await;
    let client = server.login("sender").await;
    let exactly = |megabytes: usize| vec![7_u8; megabytes << 20];
    let (upload, download) = target(&client, 255, "large").await;
    assert_eq!(put(&upload, exactly(2)).await, StatusCode::OK);
    assert_eq!(get(&download).await.bytes().await.expect("bytes").len(), 2 << 20);
    let mut more = exactly(2);
    more.push(7);
    let (upload, download) = target(&client, 255, "larger").await;
    assert_eq!(put(&upload, more).await, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(get(&download).await.status(), StatusCode::NOT_FOUND);
    // Clients learn the sizes.
    let config = client.ok("im_sdk_config_mgr.fetch_config", json!({})).await;
    let config: Value = serde_json::from_str(config["str_json_config"].as_str().expect("text")).expect("JSON");
    assert_eq!(config["upload_size_limit"], r#"{"a":"1","f":"2","i":"1","v":"2"}"#);
}

#[tokio::test]
async fn files_and_bans_outlive_a_restart() {
    let mut server = Server::start(&[]).await;
    let kept = uploaded(&server, 255, "kept.txt", b"apples").await;
    let banned = uploaded(&server, 255, "banned.txt", b"pears").await;
    server.ok("im_cos_msg/forbid_illegal_object", json!({ "RawURL": banned })).await;
    server.kill().await;
    server.restart().await;
    assert_eq!(get(&kept).await.text().await.expect("text"), "apples");
    assert_eq!(get(&banned).await.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn backends_sign_ban_and_allow() {
    let server = shared().await;
    let url = uploaded(server, 255, "list.txt", b"apples").await;
    let raw = url.split('?').next().expect("a path").to_owned();
    let sign = async |address: &str| {
        let body = json!({ "RawURLs": [{ "ResourceID": 5, "RawURL": address }] });
        let answer = server.ok("im_cos_msg/get_cos_sig", body).await;
        let entry = answer["PreSigURLs"][0].clone();
        assert_eq!(entry["ResourceID"], 5);
        entry
    };
    // With its signature or without.
    for address in [&url, &raw] {
        let entry = sign(address).await;
        assert_eq!((&entry["Code"], &entry["Status"]), (&json!(0), &json!(0)));
        let signed = entry["PreSigURL"].as_str().expect("an address");
        assert_eq!(get(signed).await.text().await.expect("text"), "apples");
    }
    for _ in 0..2 {
        server.ok("im_cos_msg/forbid_illegal_object", json!({ "RawURL": raw })).await;
        assert_eq!(get(&url).await.status(), StatusCode::FORBIDDEN);
    }
    assert_eq!(sign(&url).await["Status"], 1);
    for _ in 0..2 {
        server.ok("im_cos_msg/allow_banned_object", json!({ "RawURL": url })).await;
        assert_eq!(get(&url).await.status(), StatusCode::OK);
    }
    // The same but for one letter of the name that was drawn.
    let (place, drawn) = raw.split_once("/file-").expect("a drawn name");
    let other = if drawn.starts_with('0') { '1' } else { '0' };
    let entry = sign(&format!("{place}/file-{other}{}", &drawn[1..])).await;
    assert_ne!(entry["Status"], 0, "{entry}");
    let foreign = sign("https://elsewhere.test/cat.png").await;
    assert_ne!(foreign["Code"], 0);
    for bad in [json!({}), json!({ "RawURL": 7 }), json!({ "RawURL": "https://elsewhere.test/cat.png" })] {
        server.fails(10004, "im_cos_msg/forbid_illegal_object", bad.clone()).await;
        server.fails(10004, "im_cos_msg/allow_banned_object", bad).await;
    }
    let eleven: Vec<Value> = (0..11).map(|at| json!({ "ResourceID": at, "RawURL": url })).collect();
    server.ok("im_cos_msg/get_cos_sig", json!({ "RawURLs": eleven[..10] })).await;
    for bad in
        [json!({}), json!({ "RawURLs": [] }), json!({ "RawURLs": eleven }), json!({ "RawURLs": [{ "RawURL": url }] })]
    {
        server.fails(10004, "im_cos_msg/get_cos_sig", bad).await;
    }
}

#[tokio::test]
async fn clients_behind_a_proxy_get_an_address_for_each_file() {
    let server = shared().await;
    let users = server.users(&["sender"]).await;
    let client = server.login(&users[0]).await;
    let objects = json!([{ "uint32_file_id": 1, "uint32_file_type": 1, "str_file_name": "cat.png" }]);
    let body =
        json!({ "uint32_platform": 7, "uint32_scene": 1, "uint32_upload_method": 0, "rpt_upload_object": objects });
    let answer = client.ok("im_cos_msg.simple_sig", body).await;
    let target = &answer["rpt_pre_sig"][0];
    assert_eq!((&target["uint32_file_id"], &target["uint32_exist_flag"]), (&json!(1), &json!(0)));
    let url = |field: &str| target[field].as_str().expect("an address").to_owned();
    assert_eq!(put(&url("str_upload_url"), PNG).await, StatusCode::OK);
    let info = client.ok("im_cos_msg.get_imageinfo", json!({ "str_image_url": url("str_download_url") })).await;
    let sizes = info["rpt_msg_image_info"].as_array().expect("a list");
    assert_eq!(sizes.len(), 3);
    assert!(sizes.iter().all(|size| size["uint32_width"] == 400 && size["uint32_height"] == 300), "{sizes:?}");
    client.fails(10004, "im_cos_msg.get_imageinfo", json!({ "str_image_url": "https://elsewhere.test/a.png" })).await;
    client.fails(10004, "im_cos_msg.simple_sig", json!({ "rpt_upload_object": [] })).await;
}

#[tokio::test]
async fn the_public_address_is_told_where_one_is_set() {
    let server = Server::start(&[("TSUDOI_PUBLIC_URL", "https://chat.example.com")]).await;
    let client = server.login("sender").await;
    let (upload, download) = target(&client, 255, "a").await;
    for url in [upload, download] {
        assert!(url.starts_with("https://chat.example.com/files/"), "{url}");
    }
}

#[tokio::test]
async fn a_bucket_holds_files_too() {
    let bucket = Bucket::default();
    let address = bucket.serve().await;
    let server = Server::start(&[
        ("TSUDOI_FILES_BUCKET", "chat"),
        ("TSUDOI_FILES_ENDPOINT", &address),
        ("TSUDOI_FILES_ACCESS_KEY", ACCESS_KEY),
        ("TSUDOI_FILES_SECRET_KEY", "secret"),
        ("TSUDOI_FILES_PREFIX", "tsudoi"),
    ])
    .await;
    let small = uploaded(&server, 255, "small.txt", b"apples").await;
    assert_eq!(get(&small).await.text().await.expect("text"), "apples");
    // Larger than what is written at once.
    let bytes: Vec<u8> = (0..7_u32 << 20).map(|at| u8::try_from(at % 251).expect("small")).collect();
    let large = uploaded(&server, 255, "large.bin", &bytes).await;
    assert!(get(&large).await.bytes().await.expect("bytes") == bytes);
    let part = http().get(&large).header("range", "bytes=6000000-6000009").send().await.expect("answered");
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.bytes().await.expect("bytes"), bytes[6_000_000..6_000_010]);
    let names = bucket.names();
    assert_eq!(names.len(), 2);
    assert!(names.iter().all(|name| name.starts_with("tsudoi/1400000001/")), "{names:?}");
    assert_eq!(bucket.unsigned(), 0);
    // What the bucket does not have is missing, and a file is still written once.
    let users = server.users(&["sender"]).await;
    let client = server.login(&users[0]).await;
    let (upload, download) = target(&client, 255, "a").await;
    assert_eq!(get(&download).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(put(&upload, &b"a"[..]).await, StatusCode::OK);
    assert_eq!(put(&upload, &b"b"[..]).await, StatusCode::CONFLICT);
}
