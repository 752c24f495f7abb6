//! Word lists, figures, what was sent in an hour, official accounts.

use std::sync::Arc;

use tsudoi_domain::{
    UserId,
    account::Account,
    change::{Append, Change, Write},
    message::{Content, Draft, MessageOptions},
    moderation::{Treatment, Word, WordList},
    official::{Broadcast, OfficialAccount},
    statistics::{Counts, Figure},
};

use super::{
    Trial,
    world::{APP, at, between, draft, user},
};
use crate::search::{MessageQuery, Words};

fn word(text: &str, list: WordList) -> Word {
    Word {
        id: 0,
        list,
        text: text.into(),
        is_regex: false,
        treatment: Treatment::Mask,
        replacement: "*".into(),
        label: "Ad".into(),
        updated_at: at(1),
    }
}

pub(super) async fn words_are_kept_once_per_list(trial: &Trial) {
    let store = trial.open();
    let library = WordList::Library("1".into());
    let put = |words| store.commit(APP, Change::none().write(Write::PutWords(words)));
    put(vec![word("duck", WordList::Local), word("duck", library.clone()), word("goose", library.clone())])
        .await
        .unwrap();
    put(vec![Word { treatment: Treatment::Refuse, ..word("duck", library.clone()) }]).await.unwrap();
    let kept = store.read().words(APP).await.unwrap();
    let shown: Vec<_> = kept.iter().map(|word| (word.text.as_str(), &word.list, word.treatment)).collect();
    assert_eq!(
        shown,
        [
            ("duck", &WordList::Local, Treatment::Mask),
            ("duck", &library, Treatment::Refuse),
            ("goose", &library, Treatment::Mask)
        ]
    );
    let gone = Write::DeleteWords { list: library, words: vec![("duck".into(), false), ("nothing".into(), false)] };
    store.commit(APP, Change::none().write(gone)).await.unwrap();
    assert_eq!(store.read().words(APP).await.unwrap().len(), 2);
}

pub(super) async fn figures_add_up_and_count_everybody_once(trial: &Trial) {
    let store = trial.open();
    let count = |counts: Counts| store.commit(APP, Change::none().write(Write::Count(Box::new(counts))));
    let of_day = |day| Counts {
        day,
        added: vec![(Figure::Logins, 2)],
        set: vec![(Figure::Accounts, 7)],
        highest: vec![(Figure::MostOnline, 3)],
        seen: vec![(Figure::LoginUsers, "ana".into()), (Figure::LoginUsers, "bob".into())],
    };
    count(of_day(20_251_130)).await.unwrap();
    count(Counts { highest: vec![(Figure::MostOnline, 1)], ..of_day(20_251_130) }).await.unwrap();
    count(of_day(20_251_201)).await.unwrap();
    let figures = store.read().figures(APP, 20_251_130, 20_251_130).await.unwrap();
    let expected = [(Figure::Accounts, 7), (Figure::Logins, 4), (Figure::LoginUsers, 2), (Figure::MostOnline, 3)];
    assert_eq!(figures, expected.map(|(figure, number)| (20_251_130, figure, number)));
    assert_eq!(store.read().figure_before(APP, 20_251_201, Figure::Logins).await.unwrap(), 4);
    assert_eq!(store.read().figure_before(APP, 20_251_130, Figure::Logins).await.unwrap(), 0);
    let made = Account::new(user("ana"), at(0));
    store.commit(APP, Change::none().write(Write::PutAccount(Box::new(made.clone())))).await.unwrap();
    store.commit(APP, Change::none().write(Write::PutAccount(Box::new(made)))).await.unwrap();
    assert_eq!(store.read().account_counts(APP).await.unwrap(), (1, 1));
    store.commit(APP, Change::none().write(Write::DeleteAccount(user("ana")))).await.unwrap();
    assert_eq!(store.read().account_counts(APP).await.unwrap(), (0, 1));
}

fn mail(seconds: i64, random: u32, silent: bool) -> Draft {
    Draft {
        random,
        client_seq: random,
        options: MessageOptions { silent, ..MessageOptions::default() },
        content: Content::Elements(r#"[{"MsgType":"TIMTextElem","MsgContent":{"Text":"tea in 東京"}}]"#.into()),
        ..draft(&between("ana", "bob"), "ana", at(seconds))
    }
}

pub(super) async fn an_hour_holds_what_was_sent_in_it(trial: &Trial) {
    let store = trial.open();
    let hour = at(0).0.div_euclid(3600);
    let begin = hour * 3600 - at(0).0;
    for (seconds, random, silent) in
        [(begin, 1, false), (begin + 3599, 2, false), (begin + 10, 3, true), (begin + 3600, 4, false)]
    {
        let append = Append { draft: Arc::new(mail(seconds, random, silent)), dedupe_secs: 0 };
        store.commit(APP, Change::none().write(Write::Append(append))).await.unwrap();
    }
    let sent = |hour, after, limit| store.read().sent_in_hour(APP, true, hour, after, limit);
    let randoms =
        |page: &[(u64, tsudoi_domain::message::Message)]| page.iter().map(|(_, m)| m.draft.random).collect::<Vec<_>>();
    assert_eq!(randoms(&sent(hour, 0, 10).await.unwrap()), [1, 2]);
    let first = sent(hour, 0, 1).await.unwrap();
    assert_eq!(randoms(&sent(hour, first[0].0, 10).await.unwrap()), [2]);
    assert_eq!(randoms(&sent(hour + 1, 0, 10).await.unwrap()), [4]);
    assert!(sent(hour + 5, 0, 10).await.unwrap().is_empty());
    assert!(store.read().sent_in_hour(APP, false, hour, 0, 10).await.unwrap().is_empty());
}

pub(super) async fn messages_are_found_once_they_are_taken_up(trial: &Trial) {
    let store = trial.open();
    for random in 1..=3 {
        let append = Append { draft: Arc::new(mail(i64::from(random), random, false)), dedupe_secs: 0 };
        store.commit(APP, Change::none().write(Write::Append(append))).await.unwrap();
    }
    let query = |words: &[&str]| {
        Arc::new(MessageQuery {
            reader: user("bob"),
            scopes: vec![(between("ana", "bob"), 2)],
            words: Words { words: words.iter().map(|word| (*word).to_owned()).collect(), every: false },
            senders: Vec::new(),
            kinds: Vec::new(),
            from: at(0),
            until: at(100),
            limit: 10,
        })
    };
    assert!(store.read().search_messages(APP, query(&["tea"])).await.unwrap().is_empty());
    assert!(store.read().index_messages(2).await.unwrap(), "there is more");
    assert!(!store.read().index_messages(2).await.unwrap());
    for words in [&["TEA"][..], &["東京"], &["京"], &["nothing", "ea i"]] {
        let found = store.read().search_messages(APP, query(words)).await.unwrap();
        assert_eq!(found.iter().map(|message| message.seq).collect::<Vec<_>>(), [3, 2], "{words:?}");
    }
    assert!(store.read().search_messages(APP, query(&["coffee"])).await.unwrap().is_empty());
}

pub(super) async fn official_accounts_keep_subscribers_and_broadcasts(trial: &Trial) {
    let store = trial.open();
    let id = UserId::parse("@TOA#_news").unwrap();
    let account = OfficialAccount {
        id: id.clone(),
        owner: user("ana"),
        name: "News".into(),
        introduction: String::new(),
        face_url: String::new(),
        organization: String::new(),
        custom: String::new(),
        max_subscriber_num: 5,
        created_at: at(0),
        subscriber_num: 0,
        last_msg_time: tsudoi_domain::Timestamp(0),
    };
    let commit = |write| store.commit(APP, Change::none().write(write));
    commit(Write::PutOfficialAccount(Box::new(account.clone()))).await.unwrap();
    let subscribe = |name: &str, custom: Option<&str>| Write::PutSubscriber {
        account: id.clone(),
        user: user(name),
        since: at(5),
        custom: custom.map(str::to_owned),
    };
    for write in [subscribe("bob", None), subscribe("cid", None), subscribe("bob", Some("gold"))] {
        commit(write).await.unwrap();
    }
    let kept = store.read().official_account(APP, &id).await.unwrap().unwrap();
    assert_eq!((kept.subscriber_num, kept.name.as_str()), (2, "News"));
    let subscribers = store.read().subscribers(APP, &id, 0, 10).await.unwrap();
    let shown: Vec<_> = subscribers.iter().map(|one| (one.user.as_str(), one.custom.as_str())).collect();
    assert_eq!(shown, [("bob", "gold"), ("cid", "")]);
    let spoken = mail(9, 1, false);
    let key = spoken.msg_key().to_string();
    let broadcast = Box::new(Broadcast { draft: spoken, recall: None });
    let said = Write::PutBroadcast { account: id.clone(), broadcast };
    commit(said).await.unwrap();
    assert!(store.read().broadcast(APP, &id, &key).await.unwrap().is_some());
    assert_eq!(store.read().broadcasts(APP, &id, Some(&key), 10).await.unwrap().len(), 0);
    assert_eq!(store.read().official_account(APP, &id).await.unwrap().unwrap().last_msg_time, at(9));
    assert_eq!(store.read().subscriptions(APP, &user("bob"), 0, 10).await.unwrap().1, 1);
    commit(Write::DeleteSubscriber { account: id.clone(), user: user("bob") }).await.unwrap();
    // Subscriptions end with the subscriber, and with the account.
    commit(subscribe("dan", None)).await.unwrap();
    commit(Write::DeleteAccount(user("dan"))).await.unwrap();
    assert_eq!(store.read().official_account(APP, &id).await.unwrap().unwrap().subscriber_num, 1);
    assert_eq!(store.read().subscriptions(APP, &user("dan"), 0, 10).await.unwrap().1, 0);
    assert_eq!(store.read().subscriptions(APP, &user("cid"), 0, 10).await.unwrap().1, 1);
    commit(Write::DeleteOfficialAccount(id.clone())).await.unwrap();
    assert_eq!(store.read().official_account(APP, &id).await.unwrap(), None);
    assert_eq!(store.read().subscriptions(APP, &user("cid"), 0, 10).await.unwrap().1, 0);
}
