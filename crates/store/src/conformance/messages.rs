//! Messages: windows of numbers, one-to-one history in both directions, recall and edit.

use std::sync::Arc;

use tsudoi_domain::{
    Timestamp,
    change::Write,
    conversation::ConversationKey,
    message::{Content, Draft, Mentions, MsgKey, Priority, Recall, Sender, Tip},
};

use super::{
    Opened, Trial,
    world::{APP, START, append, at, between, draft, in_group, user},
};
use crate::{DirectQuery, Direction};

pub(super) async fn a_message_reads_back_as_sent(trial: &Trial) {
    let store = trial.open();
    store.found("crew", &["ana"]).await;
    let mut full = draft(&in_group("crew"), "ana", START);
    full.random = u32::MAX;
    full.client_seq = u32::MAX;
    full.client_time = START.0 - 3;
    full.priority = Priority::Lowest;
    full.content =
        Content::Elements("[{\"MsgType\":\"TIMCustomElem\",\"MsgContent\":{\"Data\":\"\\u0000 \u{1F600} \"}}]".into());
    full.cloud_custom_data = Some("".into());
    full.options.no_unread = true;
    full.options.with_mute_notifications = true;
    full.options.need_receipt = true;
    full.options.support_extension = true;
    full.options.is_relay = true;
    full.options.targets = vec![user("bob"), user("cid")];
    full.options.mentions = Mentions { all: true, users: vec![user("bob")], raw: Some("[1]".into()) };
    full.options.push_info = Some("{\"PushFlag\":0}".into());
    let mut tip = draft(&in_group("crew"), "ana", at(1));
    tip.sender = Sender::System;
    tip.content = Content::Tip(Tip::Quit { user: user("bob"), member_num: 3 });
    let mut direct = draft(&between("ana", "bob"), "bob", at(2));
    direct.options.hidden_from_sender = true;
    direct.cloud_custom_data = Some("k=1".into());
    for sent in [full, tip, direct, draft(&between("ana", "bob"), "ana", at(3))] {
        let appended = store.send(sent.clone()).await;
        let read = store.read().message(APP, &sent.conversation, appended.seq).await.unwrap().unwrap();
        assert_eq!(*read.draft, sent);
        assert_eq!((read.seq, read.version, read.recall, read.counted), (appended.seq, 0, None, appended.counted));
    }
}

pub(super) async fn history_is_a_window_of_numbers(trial: &Trial) {
    let store = trial.open();
    store.found("crew", &["ana"]).await;
    let crew = in_group("crew");
    for n in 1..=30 {
        store.say(&crew, "ana", at(n)).await;
    }
    for (low, high) in [(1, 30), (11, 20), (30, 30), (1, 1), (25, 100), (0, 3), (31, 40), (5, 4), (0, u64::MAX)] {
        let seqs: Vec<u64> = store.read().history(APP, &crew, low, high).await.unwrap().iter().map(|m| m.seq).collect();
        let expected: Vec<u64> = (1..=30).filter(|seq| (low..=high).contains(seq)).rev().collect();
        assert_eq!(seqs, expected, "{low}..={high}");
    }
    assert_eq!(store.read().history(APP, &in_group("gone"), 0, 10).await.unwrap(), []);
    assert_eq!(store.read().message(APP, &crew, 31).await.unwrap(), None);
}

fn recall(by: &str, time: Timestamp) -> Recall {
    Recall { by: user(by), reason: "a slip".into(), at: time }
}

pub(super) async fn a_recalled_message_keeps_its_place(trial: &Trial) {
    let store = trial.open();
    store.found("crew", &["ana"]).await;
    for conversation in [in_group("crew"), between("ana", "bob")] {
        let sent = draft(&conversation, "ana", START);
        store.send(sent.clone()).await;
        store.say(&conversation, "ana", at(1)).await;
        let write = |time| Write::Recall { conversation: conversation.clone(), seq: 1, recall: recall("ana", time) };
        store.write(write(at(2))).await;
        let read = store.read().message(APP, &conversation, 1).await.unwrap().unwrap();
        assert_eq!(read.recall, Some(recall("ana", at(2))));
        assert_eq!(*read.draft, sent, "the body stays");
        // The first recall counts.
        store.write(write(at(3))).await;
        let read = store.read().message(APP, &conversation, 1).await.unwrap().unwrap();
        assert_eq!(read.recall, Some(recall("ana", at(2))));
        assert_eq!(store.seqs(&conversation).await, [2, 1]);
    }
}

pub(super) async fn only_the_recalled_among_the_newest_are_listed(trial: &Trial) {
    let store = trial.open();
    store.found("crew", &["ana"]).await;
    let crew = in_group("crew");
    for n in 1..=20 {
        store.say(&crew, "ana", at(n)).await;
    }
    for seq in [2, 11, 12, 20] {
        store.write(Write::Recall { conversation: crew.clone(), seq, recall: recall("ana", at(30)) }).await;
    }
    for (window, expected) in
        [(1000, vec![20, 12, 11, 2]), (10, vec![20, 12, 11]), (9, vec![20, 12]), (1, vec![20]), (0, vec![])]
    {
        let seqs: Vec<u64> = store.read().recalled(APP, &crew, window).await.unwrap().iter().map(|m| m.seq).collect();
        assert_eq!(seqs, expected, "window {window}");
    }
}

pub(super) async fn an_edit_replaces_what_it_names(trial: &Trial) {
    let store = trial.open();
    store.found("crew", &["ana"]).await;
    for conversation in [in_group("crew"), between("ana", "bob")] {
        let mut sent = draft(&conversation, "ana", START);
        sent.cloud_custom_data = Some("one".into());
        sent.options.need_receipt = true;
        store.send(sent.clone()).await;
        let edit = |elements: Option<&str>, data: Option<&str>, version| Write::Edit {
            conversation: conversation.clone(),
            seq: 1,
            elements: elements.map(Into::into),
            cloud_custom_data: data.map(Into::into),
            version,
        };
        for (elements, data, version) in
            [(Some("[1]"), None, 1), (None, Some("two"), 2), (Some("[2]"), Some(""), 3), (None, None, 4)]
        {
            store.write(edit(elements, data, version)).await;
            if let Some(elements) = elements {
                sent.content = Content::Elements(elements.into());
            }
            if let Some(data) = data {
                sent.cloud_custom_data = Some(data.into());
            }
            let read = store.read().message(APP, &conversation, 1).await.unwrap().unwrap();
            assert_eq!((&*read.draft, read.version), (&sent, version));
        }
    }
}

fn all(direction: Direction, limit: usize) -> DirectQuery {
    DirectQuery { direction, from: Timestamp(0), until: Timestamp(i64::MAX), after: None, limit }
}

async fn read(store: &Opened, who: &str, peer: &str, query: &DirectQuery) -> Vec<Arc<Draft>> {
    let found = store.read().direct_history(APP, &user(who), &user(peer), query).await.unwrap();
    found.into_iter().map(|m| m.draft).collect()
}

/// Reads page by page, each continuing after the last message of the one before.
async fn read_paged(store: &Opened, who: &str, peer: &str, mut query: DirectQuery) -> Vec<Arc<Draft>> {
    let mut whole = Vec::new();
    loop {
        let page = read(store, who, peer, &query).await;
        assert!(page.len() <= query.limit);
        let Some(last) = page.last() else { break };
        query.after = Some(last.msg_key());
        // Callers narrow the range as they go (docs/spec/rest-c2c.md#1.4).
        match query.direction {
            Direction::Older => query.until = last.time,
            Direction::Newer => query.from = last.time,
        }
        whole.extend(page);
    }
    whole
}

pub(super) async fn direct_history_reads_both_ways(trial: &Trial) {
    let store = trial.open();
    let talk = between("ana", "bob");
    let mut sent = Vec::new();
    for n in 0..12 {
        let one = draft(&talk, if n % 2 == 0 { "ana" } else { "bob" }, at(n));
        store.send(one.clone()).await;
        sent.push(one);
    }
    for (who, peer) in [("ana", "bob"), ("bob", "ana")] {
        let newer = read(&store, who, peer, &all(Direction::Newer, 100)).await;
        assert_eq!(newer.iter().map(|d| (**d).clone()).collect::<Vec<_>>(), sent);
        let mut older = read(&store, who, peer, &all(Direction::Older, 100)).await;
        older.reverse();
        assert_eq!(older, newer);
        let range = DirectQuery { from: at(3), until: at(7), ..all(Direction::Newer, 100) };
        assert_eq!(read(&store, who, peer, &range).await, newer[3..=7], "both ends included");
        assert_eq!(read(&store, who, peer, &all(Direction::Newer, 4)).await, newer[..4]);
    }
    assert_eq!(read(&store, "ana", "cid", &all(Direction::Older, 9)).await, []);
}

pub(super) async fn direct_history_pages_by_key_within_a_second(trial: &Trial) {
    let store = trial.open();
    let talk = between("ana", "bob");
    let mut expected = Vec::new();
    for n in 0..45 {
        // Three seconds; within each the senders' numbers repeat, so that only the arrival tells some apart.
        let mut one = draft(&talk, if n % 2 == 0 { "ana" } else { "bob" }, at(n / 15));
        one.client_seq = 100 - u32::try_from(n % 4).unwrap();
        store.send(one.clone()).await;
        // Behind everything of its second, but not behind what the same sender numbered higher.
        let higher = |d: &Draft| d.time == one.time && d.sender == one.sender && d.client_seq > one.client_seq;
        let place = expected.iter().position(higher).unwrap_or(expected.len());
        expected.insert(place, one);
    }
    for size in [1, 2, 7, 20, 45, 50] {
        let newer = read_paged(&store, "ana", "bob", all(Direction::Newer, size)).await;
        assert_eq!(newer.iter().map(|d| (**d).clone()).collect::<Vec<_>>(), expected, "pages of {size}");
        let mut older = read_paged(&store, "bob", "ana", all(Direction::Older, size)).await;
        older.reverse();
        assert_eq!(older, newer, "pages of {size}");
    }
}

pub(super) async fn direct_history_is_ordered_by_time_whatever_the_arrival(trial: &Trial) {
    let store = trial.open();
    let talk = between("ana", "bob");
    let mut expected = Vec::new();
    for n in 0..20 {
        let one = draft(&talk, "ana", at((n * 13) % 20));
        store.send(one.clone()).await;
        expected.push(one);
    }
    expected.sort_by_key(|d| d.time);
    let newer = read_paged(&store, "bob", "ana", all(Direction::Newer, 3)).await;
    assert_eq!(newer.iter().map(|d| (**d).clone()).collect::<Vec<_>>(), expected);
    let mut older = read_paged(&store, "bob", "ana", all(Direction::Older, 3)).await;
    older.reverse();
    assert_eq!(older, newer);
    // The conversation stands at the newest moment, the numbers follow the arrival.
    let position = store.read().position(APP, &talk).await.unwrap();
    assert_eq!((position.last_seq, position.last_time), (20, at(19)));
}

pub(super) async fn direct_history_continues_where_a_message_is_gone(trial: &Trial) {
    let store = trial.open();
    let talk = between("ana", "bob");
    for n in 0..9 {
        let mut one = draft(&talk, "ana", at(n / 3));
        one.client_seq = u32::try_from(n % 3).unwrap() * 2;
        store.send(one).await;
    }
    let whole = read(&store, "ana", "bob", &all(Direction::Newer, 100)).await;
    // Nothing has that key; its place is between the fifth and the sixth message.
    let gone = MsgKey { client_seq: 3, random: 1, time: at(1) };
    let newer = DirectQuery { after: Some(gone), ..all(Direction::Newer, 100) };
    assert_eq!(read(&store, "ana", "bob", &newer).await, whole[5..]);
    let older = DirectQuery { after: Some(gone), ..all(Direction::Older, 100) };
    assert_eq!(read(&store, "ana", "bob", &older).await.len(), 5);
}

pub(super) async fn hidden_messages_are_hidden_from_one_side_only(trial: &Trial) {
    let store = trial.open();
    // Both orders of the names: sides are kept by order.
    for (sender, receiver) in [("ana", "bob"), ("zoe", "bob")] {
        let talk = between(sender, receiver);
        store.say(&talk, sender, at(0)).await;
        let mut not_mine = draft(&talk, sender, at(1));
        not_mine.options.hidden_from_sender = true;
        store.send(not_mine.clone()).await;
        let mut not_theirs = draft(&talk, sender, at(2));
        not_theirs.options.hidden_from_receiver = true;
        let blocked = store.send(not_theirs.clone()).await;
        assert_eq!(blocked.seq, 3);
        let times = |drafts: Vec<Arc<Draft>>| drafts.iter().map(|d| d.time).collect::<Vec<_>>();
        for direction in [Direction::Newer, Direction::Older] {
            let mut mine = times(read(&store, sender, receiver, &all(direction, 9)).await);
            let mut theirs = times(read(&store, receiver, sender, &all(direction, 9)).await);
            mine.sort();
            theirs.sort();
            assert_eq!(mine, [at(0), at(2)]);
            assert_eq!(theirs, [at(0), at(1)]);
        }
        let theirs = store.read().direct_view(APP, &user(receiver), &user(sender)).await.unwrap().unwrap();
        assert_eq!((theirs.unread(), theirs.shown_seq, theirs.updated_at), (2, 2, at(1)));
        let mine = store.read().direct_view(APP, &user(sender), &user(receiver)).await.unwrap().unwrap();
        assert_eq!((mine.unread(), mine.shown_seq, mine.updated_at), (0, 3, at(2)));
    }
    assert_eq!(store.read().log_end(APP, &user("bob")).await.unwrap(), 4, "what is hidden does not come in");
}

pub(super) async fn a_direct_message_is_found_by_its_key_and_direction(trial: &Trial) {
    let store = trial.open();
    let talk = between("ana", "bob");
    let mut sent = Vec::new();
    for n in 0..6 {
        let mut one = draft(&talk, "ana", at(n / 3));
        one.random = u32::try_from(n).unwrap();
        one.client_seq = 5;
        store.send(one.clone()).await;
        sent.push(one);
    }
    for one in &sent {
        let found = store.read().direct_message(APP, &user("ana"), &user("bob"), one.msg_key()).await.unwrap();
        assert_eq!(*found.unwrap().draft, *one);
        let wrong = store.read().direct_message(APP, &user("bob"), &user("ana"), one.msg_key()).await.unwrap();
        assert_eq!(wrong, None, "the direction counts");
    }
    let absent = MsgKey { client_seq: 5, random: 99, time: START };
    assert_eq!(store.read().direct_message(APP, &user("ana"), &user("bob"), absent).await.unwrap(), None);
    let group: ConversationKey = in_group("crew");
    store.found("crew", &["ana"]).await;
    store.write(append(draft(&group, "ana", START))).await;
}
