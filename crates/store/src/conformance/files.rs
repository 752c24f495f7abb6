//! What is kept about uploaded files.

use tsudoi_domain::{AppId, change::Write};

use super::{Trial, world::APP};

fn ban(banned: bool) -> Write {
    Write::SetFileBan { key: "1/2/image-3".into(), banned }
}

pub(super) async fn a_ban_holds_until_it_is_lifted(trial: &Trial) {
    let store = trial.open();
    for (write, expected) in [(ban(true), true), (ban(true), true), (ban(false), false), (ban(false), false)] {
        store.write(write).await;
        assert_eq!(store.read().is_file_banned(APP, "1/2/image-3").await.unwrap(), expected);
    }
    store.write(ban(true)).await;
    assert!(!store.read().is_file_banned(APP, "1/2/image-4").await.unwrap());
    assert!(!store.read().is_file_banned(AppId(APP.0 + 1), "1/2/image-3").await.unwrap());
}
