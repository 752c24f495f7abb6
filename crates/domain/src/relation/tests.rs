//! The rules of relations as tables.

use rstest::rstest;

use super::{
    friend::{AddMode, Added, Owner, Wish},
    request::Answer,
    *,
};

const NOW: Timestamp = Timestamp(1_764_580_000);

fn user(name: &str) -> UserId {
    UserId::parse(name).expect("a valid id")
}

fn account(name: &str, allow: &str) -> Account {
    let mut account = Account::new(user(name), NOW);
    if !allow.is_empty() {
        let value = ProfileValue::Text(format!("AllowType_Type_{allow}"));
        account.profile.insert(profile::ALLOW_TYPE.into(), value);
    }
    account
}

/// What ana has of bob and bob of ana: friend (F) and blocked (B).
fn pair(own: &str, theirs: &str) -> Pair {
    let tie = |text: &str| Tie { friend: u64::from(text.contains('F')), blocked: text.contains('B') };
    Pair {
        peer: user("bob"),
        own: tie(own),
        theirs: tie(theirs),
        their_friends: 0,
        their_requests: 0,
        sent: None,
        received: None,
        pending: false,
        moved: false,
    }
}

fn owner<'a>(settings: &'a AppSettings, account: &'a Account) -> Owner<'a> {
    Owner { settings, account, friends: 0, groups: Vec::new(), requests: 0, now: NOW }
}

fn entries(change: &Change) -> Vec<&str> {
    let entry = |write: &Write| {
        if let Write::PutFriend { user, .. } = write {
            Some(if user.as_str() == "ana" { "ana lists bob" } else { "bob lists ana" })
        } else if let Write::PutFriendRequest(request) = write {
            Some(if request.sent { "ana asked" } else { "bob is asked" })
        } else if let Write::DeleteFriend { user, .. } = write {
            Some(if user.as_str() == "ana" { "ana drops bob" } else { "bob drops ana" })
        } else {
            None
        }
    };
    change.writes.iter().filter_map(entry).collect()
}

const BOTH: AddMode = AddMode { both: true, forced: false };
const SINGLE: AddMode = AddMode { both: false, forced: false };
const FORCED: AddMode = AddMode { both: true, forced: true };

#[rstest]
#[case::open("", "", "AllowAny", BOTH, Ok(&["ana lists bob", "bob lists ana"][..]))]
#[case::asks("", "", "NeedConfirm", BOTH, Ok(&["bob is asked", "ana asked"][..]))]
#[case::never_chose("", "", "", BOTH, Ok(&["bob is asked", "ana asked"][..]))]
#[case::denies("", "", "DenyAny", BOTH, Err(Refusal::DeniesAll))]
#[case::forced("", "", "DenyAny", FORCED, Ok(&["ana lists bob", "bob lists ana"][..]))]
#[case::one_way_asks_nobody("", "", "NeedConfirm", SINGLE, Ok(&["ana lists bob"][..]))]
#[case::one_way_is_denied("", "", "DenyAny", SINGLE, Err(Refusal::DeniesAll))]
#[case::friends("F", "F", "AllowAny", BOTH, Err(Refusal::AlreadyFriends))]
#[case::listed_one_way("F", "", "AllowAny", SINGLE, Err(Refusal::AlreadyFriends))]
#[case::only_theirs_is_missing("F", "", "AllowAny", BOTH, Ok(&["bob lists ana"][..]))]
#[case::who_lists_the_asker_is_not_asked("", "F", "NeedConfirm", BOTH, Ok(&["ana lists bob"][..]))]
#[case::blocking("B", "", "AllowAny", FORCED, Err(Refusal::Blocking(user("bob"))))]
#[case::blocked("", "B", "AllowAny", FORCED, Err(Refusal::BlockedBy(user("bob"))))]
fn additions(
    #[case] own: &str,
    #[case] theirs: &str,
    #[case] allow: &str,
    #[case] mode: AddMode,
    #[case] outcome: Result<&[&str], Refusal>,
) {
    let settings = AppSettings::default();
    let (ana, bob) = (account("ana", ""), account("bob", allow));
    let added = friend::add(&mut owner(&settings, &ana), &bob, &mut pair(own, theirs), &Wish::default(), mode);
    match (&added, outcome) {
        (Ok(Added::Friends(change) | Added::Asked(change)), Ok(expected)) => assert_eq!(entries(change), expected),
        (Err(refusal), Err(expected)) => assert_eq!(*refusal, expected),
        (added, expected) => panic!("{added:?}, not {expected:?}"),
    }
}

#[rstest]
#[case::agreed_by_both(Answer::AgreeAndAdd, "", "", Ok(&["ana lists bob", "bob lists ana"][..]))]
#[case::one_way(Answer::Agree, "", "", Ok(&["bob lists ana"][..]))]
#[case::rejected(Answer::Reject, "", "", Ok(&[][..]))]
#[case::blocking(Answer::Agree, "B", "", Err(Refusal::Blocking(user("bob"))))]
#[case::rejected_all_the_same(Answer::Reject, "B", "B", Ok(&[][..]))]
fn answers(#[case] answer: Answer, #[case] own: &str, #[case] theirs: &str, #[case] outcome: Result<&[&str], Refusal>) {
    let settings = AppSettings::default();
    let ana = account("ana", "");
    let mut asked = pair(own, theirs);
    let received = FriendRequest {
        user: user("ana"),
        peer: user("bob"),
        sent: false,
        time: NOW,
        seen: false,
        source: UNKNOWN_SOURCE.into(),
        wording: String::new(),
        remark: String::new(),
        group: String::new(),
    };
    (asked.received, asked.pending) = (Some(received), true);
    match (request::answer(&mut owner(&settings, &ana), &mut asked, 0, answer, "", ""), outcome) {
        (Ok(change), Ok(expected)) => {
            assert_eq!(entries(&change), expected);
            assert!(asked.received.is_none());
        }
        (Err(refusal), Err(expected)) => assert_eq!(refusal, expected),
        (answered, expected) => panic!("{answered:?}, not {expected:?}"),
    }
    let nobody_asked = request::answer(&mut owner(&settings, &ana), &mut pair("", ""), 0, answer, "", "");
    assert_eq!(nobody_asked, Err(Refusal::NoSuchRequest(user("bob"))));
}

#[rstest]
#[case::single("F", "F", false, Ok(&["ana drops bob"][..]))]
#[case::both("F", "F", true, Ok(&["ana drops bob", "bob drops ana"][..]))]
#[case::what_is_left("", "F", true, Ok(&["bob drops ana"][..]))]
#[case::not_listed("", "F", false, Err(Refusal::NotFriend(user("bob"))))]
#[case::strangers("", "", true, Err(Refusal::NotFriend(user("bob"))))]
fn deletions(#[case] own: &str, #[case] theirs: &str, #[case] both: bool, #[case] outcome: Result<&[&str], Refusal>) {
    match (friend::delete(&user("ana"), &mut pair(own, theirs), both), outcome) {
        (Ok(change), Ok(expected)) => assert_eq!(entries(&change), expected),
        (deleted, expected) => assert_eq!(deleted.err(), expected.err()),
    }
}

/// Whoever blocks whom: afterwards neither lists the other, and neither can ask the other, whichever side asks.
#[rstest]
fn a_block_is_symmetric_in_what_it_ends(#[values("", "F")] own: &str, #[values("", "F")] theirs: &str) {
    let settings = AppSettings::default();
    let mut between = pair(own, theirs);
    let change = block(&user("ana"), &mut between, &mut 0, &settings.limits().sns, NOW).expect("blocked");
    assert_eq!(entries(&change).len(), own.len() + theirs.len());
    assert!(!between.own.is_friend() && !between.theirs.is_friend());
    let mirrored = Pair { own: between.theirs, theirs: between.own, ..between.clone() };
    let (ana, bob) = (account("ana", "AllowAny"), account("bob", "AllowAny"));
    for (mut between, expected) in
        [(between, Refusal::Blocking(user("bob"))), (mirrored, Refusal::BlockedBy(user("bob")))]
    {
        let added = friend::add(&mut owner(&settings, &ana), &bob, &mut between, &Wish::default(), FORCED);
        assert_eq!(added, Err(expected));
    }
}
