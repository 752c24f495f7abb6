//! The promises of the store as tests: one function per promise, every promise tried on every backend.
//!
//! A promise gets a [`Trial`] and opens stores on it. What outlives a process is tried only where a database does. Whatever
//! the promises make SQLite do, it does by an index.

use std::{ops::Deref, path::PathBuf, sync::Arc};

use parking_lot::Mutex;
use tempfile::TempDir;

use crate::{CommitObserver, Committed, Store, sqlite::SqliteOptions};

mod accounts;
mod caches;
mod clearing;
mod commit;
mod contacts;
mod conversations;
mod extras;
mod files;
mod group_data;
mod groups;
mod live;
mod log;
mod members;
mod messages;
mod operations;
mod outbox;
mod pushes;
mod relations;
mod restart;
mod topics;
mod unread;
mod upkeep;
mod world;

pub(crate) use world::{append, draft, group, in_group};

/// A database to try promises on, empty at first.
pub(crate) struct Trial {
    folder: Option<TempDir>,
    /// Writes share one database for a promise that wants to see small batches.
    batch: usize,
}

impl Trial {
    fn in_memory() -> Self {
        Self { folder: None, batch: SqliteOptions::default().batch }
    }

    fn on_disk() -> Self {
        Self { folder: Some(tempfile::tempdir().unwrap()), batch: SqliteOptions::default().batch }
    }

    fn path(&self) -> Option<PathBuf> {
        self.folder.as_ref().map(|folder| folder.path().join("tsudoi.db"))
    }

    /// Opens a store on the database; one at a time.
    fn open(&self) -> Opened {
        let heard = Arc::new(Heard::default());
        let options = SqliteOptions { path: self.path(), batch: self.batch, ..SqliteOptions::default() };
        Opened { store: Store::sqlite(&options, heard.clone()).unwrap(), heard }
    }
}

/// An open store and what it told.
struct Opened {
    store: Store,
    heard: Arc<Heard>,
}

impl Deref for Opened {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            crate::sqlite::plans::check();
        }
    }
}

/// Remembers every batch.
#[derive(Default)]
struct Heard(Mutex<Vec<Committed>>);

impl CommitObserver for Heard {
    fn committed(&self, batch: &[Committed]) {
        self.0.lock().extend_from_slice(batch);
    }
}

/// Lists the promises by family and tries each on each backend.
macro_rules! promises {
    ($($family:ident: $($promise:ident),+ $(,)?;)+) => {
        mod sqlite_in_memory {
            $(mod $family {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $promise() {
                    crate::conformance::$family::$promise(&crate::conformance::Trial::in_memory()).await;
                })+
            })+
        }

        mod sqlite_on_disk {
            $(mod $family {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $promise() {
                    crate::conformance::$family::$promise(&crate::conformance::Trial::on_disk()).await;
                })+
            })+
        }
    };
}

/// Promises about what outlives the process.
macro_rules! lasting_promises {
    ($($family:ident: $($promise:ident),+ $(,)?;)+) => {
        mod sqlite_after_restart {
            $(mod $family {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $promise() {
                    crate::conformance::$family::$promise(&crate::conformance::Trial::on_disk()).await;
                })+
            })+
        }
    };
}

promises! {
    commit:
        what_was_acknowledged_can_be_read,
        numbers_are_contiguous_under_many_committers,
        listeners_hear_the_order_of_the_numbers,
        every_committer_hears_of_its_own_change,
        a_repeat_is_answered_with_the_first_result,
        repeats_stay_within_sender_and_conversation,
        between_two_people_the_senders_number_tells_repeats_apart,
        after_the_window_the_same_dice_make_a_new_message,
        a_repeat_writes_nothing_of_its_change,
        every_precondition_refuses_with_conflict,
        a_refused_change_leaves_no_trace,
        a_write_that_fails_leaves_no_trace_of_its_change,
        writes_to_what_does_not_exist_are_refused,
        a_decision_does_not_fit_a_successor_with_the_same_id;
    groups:
        a_group_reads_back_as_decided,
        groups_are_found_by_words_of_their_names,
        pages_of_groups_hold_every_group_once,
        deletion_takes_everything_along,
        a_reused_id_starts_from_nothing,
        joined_groups_come_in_the_order_of_joining,
        the_revision_grows_exactly_when_rights_are_taken;
    members:
        a_member_reads_back_as_decided,
        the_count_equals_a_recount,
        pages_come_by_rank_and_joining,
        cursor_and_offset_agree,
        pages_neither_repeat_nor_skip_while_members_leave,
        a_cursor_survives_its_member,
        a_cursor_survives_a_change_of_rank,
        read_positions_move_forward_unless_forced,
        speaking_moves_the_own_read_position,
        mutes_outlive_membership,
        mutes_in_topics_are_their_own,
        bans_are_listed_until_they_end,
        applications_wait_until_decided,
        reading_all_reads_for_every_member;
    topics:
        a_topic_reads_back_as_decided,
        topics_come_in_the_order_of_creation,
        every_topic_has_numbers_of_its_own,
        preconditions_about_topics_refuse_with_conflict,
        members_read_and_choose_in_each_topic,
        who_speaks_in_a_topic_has_read_it,
        choices_in_topics_are_found_at_login,
        newcomers_have_read_what_was_said_before,
        messages_of_the_second_of_joining_are_told_apart,
        reading_all_of_a_topic_reads_for_every_member,
        leaving_the_community_forgets_what_a_member_had_in_topics,
        a_deleted_topic_takes_everything_along,
        a_dissolved_community_takes_its_topics_along,
        no_reader_keeps_a_stale_topic;
    group_data:
        attributes_read_back_as_decided,
        counters_read_back_as_decided,
        of_writers_at_once_one_wins_each_number,
        permission_groups_read_back_as_decided,
        rights_of_a_member_are_the_union_of_their_permission_groups,
        who_leaves_the_community_leaves_its_permission_groups;
    live:
        a_live_room_reads_back_as_written,
        what_is_written_behind_a_dissolved_room_is_passed_over,
        broadcasts_are_counted_upwards,
        a_mute_is_known_whatever_was_read_before;
    clearing:
        messages_vanish_for_one_user_only,
        a_cleared_history_is_gone_for_one_user_only;
    extras:
        hidden_messages_are_one_readers_own,
        a_reader_counts_once,
        key_values_are_decided_against_their_counter,
        reactions_are_summed_up_in_their_order,
        pins_stay_until_they_are_taken;
    files:
        a_ban_holds_until_it_is_lifted;
    pushes:
        pushes_keep_their_order_and_progress,
        a_user_is_served_once,
        planned_pushes_come_when_they_are_due,
        labels_read_back_as_decided,
        a_token_belongs_to_one_device;
    operations: words_are_kept_once_per_list, figures_add_up_and_count_everybody_once, an_hour_holds_what_was_sent_in_it,
        messages_are_found_once_they_are_taken_up, official_accounts_keep_subscribers_and_broadcasts;
    messages:
        a_message_reads_back_as_sent,
        history_is_a_window_of_numbers,
        a_recalled_message_keeps_its_place,
        only_the_recalled_among_the_newest_are_listed,
        an_edit_replaces_what_it_names,
        direct_history_reads_both_ways,
        direct_history_pages_by_key_within_a_second,
        direct_history_is_ordered_by_time_whatever_the_arrival,
        direct_history_continues_where_a_message_is_gone,
        hidden_messages_are_hidden_from_one_side_only,
        a_direct_message_is_found_by_its_key_and_direction;
    contacts:
        care_is_one_users_own,
        books_are_decided_against_their_revision,
        leaving_a_group_and_deleting_an_account_forget_care,
        records_are_kept_for_a_time;
    conversations:
        positions_follow_the_newest_message,
        messages_for_nobodys_list_do_not_move_it,
        both_sides_see_the_conversation,
        views_come_newest_first,
        talking_to_oneself_is_never_unread,
        a_conversation_leaves_the_list_until_the_next_message,
        a_cleared_conversation_is_empty_for_one_side,
        lists_show_the_newest_by_time_whatever_the_arrival,
        a_key_is_free_until_either_side_uses_it;
    unread:
        unread_numbers_equal_a_recount,
        a_message_in_the_second_of_the_reading_is_unread,
        a_recall_forgets_the_unread_once;
    log:
        places_are_contiguous_per_user,
        catching_up_works_from_any_place,
        the_log_holds_messages_and_notices_in_order;
    accounts:
        tiny_ids_are_unique_and_never_reused,
        an_account_reads_back_as_decided,
        deletion_forgets_the_account,
        robots_come_in_the_order_of_creation,
        apps_and_meta_read_back,
        apps_do_not_see_each_other;
    outbox:
        calls_are_stored_with_their_change,
        refused_changes_call_nobody,
        slots_are_filled_with_the_commit,
        dead_calls_rest_and_rise;
    relations:
        an_entry_reads_back_as_decided,
        preconditions_about_relations_refuse_with_conflict,
        numbers_of_followers_equal_a_recount,
        the_newest_wishes_to_hear_of_others_stay,
        requests_wait_on_both_sides,
        devices_come_in_the_order_of_their_logins,
        single_writes_leave_the_rest_of_an_account,
        relations_end_with_the_account;
    upkeep:
        the_dissolved_is_purged_in_bounded_steps,
        expired_messages_leave_holes,
        even_the_newest_message_may_expire,
        expired_messages_are_no_longer_unread,
        places_of_the_log_are_not_given_again,
        mutes_and_bans_that_are_over_go,
        idle_groups_are_found_page_by_page,
        right_counts_of_members_are_left_alone;
    caches:
        no_reader_keeps_a_stale_group,
        no_reader_keeps_a_stale_member,
        no_reader_keeps_a_stale_account,
        members_of_a_deleted_group_are_forgotten;
}

lasting_promises! {
    restart:
        what_was_acknowledged_outlives_the_process,
        repeats_are_known_after_a_restart,
        sends_without_a_number_are_known_by_their_fingerprint,
        the_newest_of_equal_dice_is_known_after_a_restart,
        repeats_are_known_after_an_edit_that_came_first,
        tiny_ids_are_not_reused_after_a_restart,
        numbers_continue_after_a_restart,
        a_killed_process_loses_nothing_acknowledged,
        a_second_store_on_the_same_files_is_refused;
    outbox:
        calls_outlive_a_restart;
}
