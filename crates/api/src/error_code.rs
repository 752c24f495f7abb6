//! The catalogue of the vendor's error numbers: each with its name, default text, meaning and source section.
//!
//! A number is in this list once and is never given a second meaning by us. Where the vendor itself uses one number twice
//! (the list of official accounts and that of the app-wide mute overlap), the second use is an associated constant below.
//! Codes that only client SDKs make (6xxx to 9xxx, 114xxx, 115xxx, negative ones) are not here: a server never sends them.
//!
//! The default text is what a caller sees when the refusal has nothing more exact to say. Clients branch on the number, with
//! the exceptions of docs/spec/rest-common.md#2.4, whose texts are reproduced to the letter, here or in [`compared_text`].
//!
//! Spec: docs/spec/error-codes.md

use std::fmt;

use serde::{Serialize, Serializer};

/// Declares [`ErrorCode`] from one sorted list, so that a code cannot have a number without a text, a meaning and a source.
macro_rules! error_codes {
    ($( $name:ident = $number:literal, $text:literal, $meaning:literal, $spec:literal; )*) => {
        /// Why a command was refused, as the vendor numbers it.
        ///
        /// Spec: docs/spec/error-codes.md#1
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u32)]
        pub enum ErrorCode {
            $(
                #[doc = concat!(stringify!($number), ": ", $meaning, ".\n\nSpec: ", $spec)]
                $name = $number,
            )*
        }

        impl ErrorCode {
            /// Every code, sorted by number.
            pub const ALL: &'static [ErrorCode] = &[$( ErrorCode::$name, )*];

            /// The name of this code in our code, logs and metrics, for example `GroupNotFound`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $( ErrorCode::$name => stringify!($name), )* }
            }

            /// The text a caller sees in `ErrorInfo` when the refusal has no more exact one.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $( ErrorCode::$name => $text, )* }
            }

            /// When this code is returned, in a few words for people who look it up.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $( ErrorCode::$name => $meaning, )* }
            }

            /// The section of the specification that describes this code.
            #[must_use]
            pub const fn spec(self) -> &'static str {
                match self { $( ErrorCode::$name => $spec, )* }
            }

            /// The code with this number; `None` if no code has it.
            #[must_use]
            pub const fn from_number(number: u32) -> Option<ErrorCode> {
                match number {
                    $( $number => Some(ErrorCode::$name), )*
                    _ => None,
                }
            }
        }
    };
}

error_codes! {
    // Operations data and keyword lists
    HistoryFileBadUrl = 1001, "request url is not legal", "history download: request URL not legal", "docs/spec/error-codes.md#12";
    HistoryFileBadParameter = 1002, "bad parameter", "history download: parameter error", "docs/spec/error-codes.md#12";
    HistoryFileInternal = 1003, "internal error", "history download: system error", "docs/spec/error-codes.md#12";
    HistoryFileNotReady = 1004, "history file is not ready or the hour has no messages", "history download: file not ready, or no messages in that hour", "docs/spec/error-codes.md#12";
    HistoryFileExpired = 1005, "history file has expired", "history download: file expired", "docs/spec/error-codes.md#12";
    KeywordInternal = 2001, "internal error, try again later", "keyword lists: internal error, try later", "docs/spec/error-codes.md#12";
    KeywordUnknownCommand = 2002, "unknown command", "keyword lists: command unknown", "docs/spec/error-codes.md#12";
    KeywordBadParameter = 2003, "bad parameter", "keyword lists: parameter error", "docs/spec/error-codes.md#12";
    KeywordNotAdmin = 2004, "caller is not an app admin", "keyword lists: caller is not an admin", "docs/spec/error-codes.md#12";
    KeywordFeatureOff = 2015, "keyword lists are not enabled", "keyword lists: not enabled for the app", "docs/spec/error-codes.md#12";
    KeywordTooMany = 2016, "more than 10 words in one request", "keyword lists: more than 10 words at once", "docs/spec/error-codes.md#12";
    KeywordDeleteFailed = 2100, "deleting the words failed", "keyword lists: deletion failed", "docs/spec/error-codes.md#12";

    // Groups
    GroupCallerNotLoggedIn = 10001, "caller is not logged in", "admin account or ticket unusable inside the group service (older list)", "docs/spec/error-codes.md#4";
    GroupInternal = 10002, "internal error, try again", "internal error of the group service; retry", "docs/spec/error-codes.md#4";
    GroupUnknownCommand = 10003, "unknown command", "unknown command of the group service", "docs/spec/error-codes.md#4";
    GroupBadParameter = 10004, "bad parameter", "wrong type, missing field, value out of range, illegal group type", "docs/spec/error-codes.md#4";
    GroupTooManyAccounts = 10005, "too many accounts in one request", "too many accounts, messages or receipts in one request", "docs/spec/error-codes.md#4";
    GroupTooFrequent = 10006, "operation too frequent", "per-operation rate, or the daily quota of new groups used up", "docs/spec/error-codes.md#4";
    GroupNotAllowed = 10007, "no right to do this", "role too low, not a member, or the group type does not support the operation", "docs/spec/error-codes.md#4";
    GroupPlanTooLow = 10008, "request is not legal", "plan does not include this; new code uses 10059", "docs/spec/error-codes.md#4";
    GroupOwnerMayNotQuit = 10009, "owner may not leave the group", "the owner may not leave a group of this type", "docs/spec/error-codes.md#4";
    GroupNotFound = 10010, "group does not exist", "group was dismissed or never existed", "docs/spec/error-codes.md#4";
    GroupBadJson = 10011, "body is not valid json", "body of a group command cannot be parsed", "docs/spec/error-codes.md#4";
    GroupBadOperator = 10012, "id of the acting user is not legal", "acting user id empty, too long or unknown", "docs/spec/error-codes.md#4";
    GroupAlreadyMember = 10013, "already a member of the group", "join or invitation of somebody who is a member", "docs/spec/error-codes.md#4";
    GroupFull = 10014, "group is full", "the member cap would be exceeded", "docs/spec/error-codes.md#4";
    GroupBadId = 10015, "group id is not legal", "group id missing, empty, too long or malformed", "docs/spec/error-codes.md#4";
    GroupRefusedByWebhook = 10016, "refused by the app", "the app's before-webhook refused", "docs/spec/error-codes.md#4";
    GroupMuted = 10017, "sender is muted", "sender is muted in the group, by the mute of all members or app-wide", "docs/spec/error-codes.md#4";
    GroupAnswerTooLarge = 10018, "answer too large, ask for less", "the answer would exceed 1 MB; ask for less per call", "docs/spec/error-codes.md#4";
    GroupAccountNotFound = 10019, "an account in the request does not exist", "a user named in the request does not exist", "docs/spec/error-codes.md#4";
    GroupMessageTooLong = 10020, "message too long", "imported message too long (older list); sent messages use 80002", "docs/spec/error-codes.md#4";
    GroupIdTaken = 10021, "group id is taken", "the group id belongs to a group of somebody else", "docs/spec/error-codes.md#4";
    GroupMessageTooFrequent = 10023, "group message rate reached", "message rate of the group reached; senders see success unless configured otherwise", "docs/spec/error-codes.md#4";
    GroupApplicationHandled = 10024, "application or invitation was already handled", "another admin has answered the application or invitation", "docs/spec/error-codes.md#4";
    GroupIdTakenByYou = 10025, "group id is taken by a group of yours", "the caller owns the group with this id and may simply use it", "docs/spec/error-codes.md#4";
    GroupCommandDisabled = 10026, "command is disabled for this app", "group command disabled for the app", "docs/spec/error-codes.md#4";
    GroupMessageNotFound = 10030, "message to recall does not exist", "message to recall not found", "docs/spec/error-codes.md#4";
    GroupRecallTimeOver = 10031, "recall time is over", "recall window over, also for edits of history outside the window", "docs/spec/error-codes.md#4";
    GroupMessageNotRecallable = 10032, "this message cannot be recalled", "tips and system messages cannot be recalled", "docs/spec/error-codes.md#4";
    GroupTypeWithoutRecall = 10033, "groups of this type have no recall", "group type does not support recall", "docs/spec/error-codes.md#4";
    GroupMessageNotDeletable = 10034, "this message cannot be deleted", "message kind cannot be deleted", "docs/spec/error-codes.md#4";
    GroupTypeWithoutDeletion = 10035, "groups of this type have no message deletion", "live rooms have no message deletion", "docs/spec/error-codes.md#4";
    GroupTooManyLiveRooms = 10036, "too many live rooms", "the app's number of AVChatRoom groups is used up", "docs/spec/error-codes.md#4";
    GroupQuotaReached = 10037, "group quota of the user reached", "a user created or joined too many groups, or a community has too many topics", "docs/spec/error-codes.md#4";
    GroupMemberCapBeyondPlan = 10038, "member cap is above what the app allows", "MaxMemberCount above the ceiling of the app", "docs/spec/error-codes.md#4";
    GroupRecallOff = 10041, "group recall is switched off", "app has recall of group messages switched off", "docs/spec/error-codes.md#4";
    GroupTypeWithoutHistory = 10044, "groups of this type have no history", "live rooms have no roaming history", "docs/spec/error-codes.md#4";
    GroupAttributeKeyTooLong = 10045, "attribute key longer than 32 bytes", "attribute key longer than 32 bytes", "docs/spec/error-codes.md#4";
    GroupAttributeValueTooLong = 10046, "attribute value longer than 4000 bytes", "attribute value longer than 4,000 bytes", "docs/spec/error-codes.md#4";
    GroupAttributeTooManyKeys = 10047, "more than 16 attribute keys", "more than 16 attribute keys in a group", "docs/spec/error-codes.md#4";
    GroupAttributesTooLong = 10048, "attributes longer than 16000 bytes in sum", "attributes longer than 16,000 bytes in sum", "docs/spec/error-codes.md#4";
    GroupAttributeTooFrequent = 10049, "attribute writes too frequent", "more than 5 attribute writes per second and group", "docs/spec/error-codes.md#4";
    GroupAttributeNotFound = 10050, "attribute to delete does not exist", "attribute to delete not present", "docs/spec/error-codes.md#4";
    GroupDeleteRangeTooWide = 10051, "range of messages to delete is too wide", "difference of the sequence numbers to delete too large", "docs/spec/error-codes.md#4";
    GroupMessageToDeleteNotFound = 10052, "message to delete does not exist", "no such message in the group while deleting", "docs/spec/error-codes.md#4";
    GroupTooManyMentions = 10053, "more than 30 mentions", "more than 30 mentions in one message", "docs/spec/error-codes.md#4";
    GroupTooManyMembersInAnswer = 10054, "too many members for one answer, use paging", "too many members for one answer; use paging", "docs/spec/error-codes.md#4";
    GroupAttributeConflict = 10056, "attributes were changed by somebody else", "base version of an attribute write is not the current one", "docs/spec/error-codes.md#4";
    GroupTrialQuotaReached = 10058, "too many groups for the trial plan", "more than 100 groups in the trial plan", "docs/spec/error-codes.md#4";
    GroupFeatureOff = 10059, "feature is switched off", "feature switched off by the operator (vendor: needs a larger plan)", "docs/spec/error-codes.md#4";
    GroupTooLargeForReceipts = 10060, "group is too large for read receipts", "group has more members than read receipts allow, 200 by default", "docs/spec/error-codes.md#4";
    GroupOnlineOnlyWithoutReceipts = 10061, "online-only messages have no read receipts", "online-only messages have no receipts", "docs/spec/error-codes.md#4";
    GroupReceiptNotFound = 10062, "message has no read receipt", "message was sent without asking for receipts", "docs/spec/error-codes.md#4";
    GroupTooManyCounters = 10063, "more than 20 counters", "more than 20 counters in a group", "docs/spec/error-codes.md#4";
    GroupTooManyPins = 10070, "too many pinned messages", "too many pinned messages in a group", "docs/spec/error-codes.md#4";
    CommunityOff = 11000, "communities and topics are not enabled", "community feature not enabled, or topics not enabled for this community", "docs/spec/error-codes.md#4";

    // One-to-one messages
    C2cBadRequest = 20001, "request is not legal", "one-to-one request not legal", "docs/spec/error-codes.md#5";
    C2cSessionInvalid = 20002, "session is no longer valid, log in again", "session or UserSig no longer valid; the client logs in again", "docs/spec/error-codes.md#5";
    C2cReceiverNotFound = 20003, "sender or receiver does not exist", "sender or receiver not imported, deleted or not legal", "docs/spec/error-codes.md#5";
    C2cNetwork = 20004, "network problem, try again", "network problem; retry", "docs/spec/error-codes.md#5";
    C2cInternal = 20005, "internal error, try again", "internal error; retry", "docs/spec/error-codes.md#5";
    C2cRefusedByWebhook = 20006, "refused by the app", "the app's before-webhook refused", "docs/spec/error-codes.md#5";
    C2cBlockedByReceiver = 20007, "receiver has blocked the sender", "receiver has blocked the sender and success is not pretended", "docs/spec/error-codes.md#5";
    C2cOtherApp = 20008, "sender and receiver belong to different apps", "sender and receiver belong to different apps", "docs/spec/error-codes.md#5";
    C2cNotFriends = 20009, "sender and receiver are not friends", "app demands friendship and there is none", "docs/spec/error-codes.md#5";
    C2cSenderNotInReceiverList = 20010, "sender is not a friend of the receiver", "sender is not in the receiver's friend list", "docs/spec/error-codes.md#5";
    C2cReceiverNotInSenderList = 20011, "receiver is not a friend of the sender", "receiver is not in the sender's friend list", "docs/spec/error-codes.md#5";
    C2cMuted = 20012, "sender is muted", "sender is muted app-wide", "docs/spec/error-codes.md#5";
    C2cRecallTimeOver = 20016, "recall time is over", "recall window over, 2 minutes by default", "docs/spec/error-codes.md#5";
    C2cDeleteFailed = 20018, "deleting the messages failed, try again", "deleting stored messages failed; retry", "docs/spec/error-codes.md#5";
    C2cMessageNotFound = 20022, "message does not exist", "message to recall, edit or extend does not exist", "docs/spec/error-codes.md#5";
    C2cMessageAlreadyRecalled = 20023, "message was already recalled", "message was already recalled", "docs/spec/error-codes.md#5";
    MessageEditConflict = 20027, "message was changed by somebody else", "version in an edit is not the current one; fetch and retry", "docs/spec/error-codes.md#5";
    MessageEditBusy = 20028, "message is being changed, try again", "two edits of one message at once; retry", "docs/spec/error-codes.md#5";
    PushTokenBeforeLogin = 21005, "push token came before login", "push token was set before login", "docs/spec/error-codes.md#5";
    PushNoCertificate = 22001, "no push certificate uploaded", "app has no push certificate", "docs/spec/error-codes.md#5";
    PushTokenNetwork = 22002, "network problem, try again", "network problem while setting a push token; retry", "docs/spec/error-codes.md#5";
    PushTokenEmpty = 22003, "push token is empty", "push token empty", "docs/spec/error-codes.md#5";
    PushTokenTooLong = 22004, "push token longer than 256 bytes", "push token longer than 256 bytes", "docs/spec/error-codes.md#5";
    PushLoginDataTooLong = 22005, "login data longer than 1024 bytes", "login data above 1,024 bytes (older list)", "docs/spec/error-codes.md#5";
    PushTooFrequent = 22006, "operation too frequent", "push token or state reports too frequent", "docs/spec/error-codes.md#5";
    PushTrialQuotaReached = 22007, "sender quota of the trial plan used up", "sender quota of the trial plan used up", "docs/spec/error-codes.md#5";
    ExtensionConflict = 23001, "message extension was changed by somebody else", "sequence number of an extension pair is not the newest", "docs/spec/error-codes.md#5";
    ExtensionNotSupported = 23002, "message does not support extensions", "message was sent without support for extensions", "docs/spec/error-codes.md#5";
    ExtensionTooFrequent = 23003, "more than 200 extension writes per minute", "more than 200 extension writes per minute and message", "docs/spec/error-codes.md#5";
    ExtensionMessageNotFound = 23004, "message for the extension does not exist", "message for the extension does not exist", "docs/spec/error-codes.md#5";

    // Search
    SearchBadParameter = 27003, "bad parameter", "search of users, groups, members and messages: parameter error", "docs/spec/error-codes.md#5";

    // Relations
    RelationBadParameter = 30001, "bad parameter", "parameter error of a relation command, also \"already\" and \"not\" a friend or blocked", "docs/spec/error-codes.md#6";
    RelationBadAccount = 30002, "account is not legal", "account does not belong to this app or is not legal", "docs/spec/error-codes.md#6";
    RelationAccountNotFound = 30003, "account does not exist", "account of a relation command does not exist", "docs/spec/error-codes.md#6";
    RelationNotAdmin = 30004, "caller is not an app admin", "admin rights needed", "docs/spec/error-codes.md#6";
    RelationFollowOff = 30005, "follow is not enabled", "follow feature not enabled (older list: forbidden words in a field)", "docs/spec/error-codes.md#6";
    RelationInternal = 30006, "internal error, try again", "internal error", "docs/spec/error-codes.md#6";
    RelationTimeout = 30007, "time-out, try again", "time-out", "docs/spec/error-codes.md#6";
    RelationConflict = 30008, "write conflict, try again", "write conflict; prefer batch calls", "docs/spec/error-codes.md#6";
    RelationSendingForbidden = 30009, "user may not send friend requests", "profile of the user forbids sending friend requests", "docs/spec/error-codes.md#6";
    RelationFriendListFull = 30010, "Err_SNS_FriendImport_My_Friend_Num_Exceed_Threshold", "own friend list full, 3,000 by default", "docs/spec/error-codes.md#6";
    RelationFriendGroupsFull = 30011, "Err_SNS_FriendUpdate_Group_Num_Exceed_Threshold", "friend groups at their limit, 32 by default", "docs/spec/error-codes.md#6";
    RelationPendingFull = 30012, "too many pending friend requests", "pending requests at their limit, 100 by default", "docs/spec/error-codes.md#6";
    RelationBlockListFull = 30013, "block list is full", "block list full, 1,000 by default", "docs/spec/error-codes.md#6";
    RelationPeerFriendListFull = 30014, "friend list of the other side is full", "other side's friend list full", "docs/spec/error-codes.md#6";
    RelationPeerBlocked = 30515, "the other side is on the own block list", "other side is on the own block list", "docs/spec/error-codes.md#6";
    RelationPeerDeniesAll = 30516, "Err_SNS_FriendAdd_Friend_Allow_Type_Forbid", "other side accepts no friend requests", "docs/spec/error-codes.md#6";
    RelationBlockedByPeer = 30525, "the own side is on the block list of the other", "own side is on the other's block list", "docs/spec/error-codes.md#6";
    RelationNeedsConfirmation = 30539, "Err_SNS_FriendAdd_Need_Confirm", "waiting for approval: not a failure, the request is stored as pending", "docs/spec/error-codes.md#6";
    RelationRequestsTooFrequent = 30540, "friend requests too frequent", "friend requests too frequent (older list)", "docs/spec/error-codes.md#6";
    RelationNoSuchRequest = 30614, "no such pending friend request", "answering a pending request that is gone", "docs/spec/error-codes.md#6";
    RelationNotFriend = 31704, "not a friend", "deleting somebody who is not in the friend list", "docs/spec/error-codes.md#6";
    RelationDeletionsTooFrequent = 31707, "friend deletions too frequent", "friend deletions too frequent (older list)", "docs/spec/error-codes.md#6";
    RelationNoSuchPending = 31804, "no such pending entry", "deleting a pending entry that is gone", "docs/spec/error-codes.md#6";
    RelationGroupAddNotFriend = 32216, "Err_SNS_GroupAdd_ToTinyId_Not_Friend", "adding somebody who is not a friend to a friend group", "docs/spec/rest-users.md#7.1";

    // Profiles
    ProfileBadParameter = 40001, "Err_Profile_Comm_Decode_Fail", "parameter error of a profile command", "docs/spec/error-codes.md#7";
    ProfileNoAccount = 40002, "no account named", "no account named in the request", "docs/spec/error-codes.md#7";
    ProfileAccountNotFound = 40003, "account does not exist", "account of a profile command does not exist", "docs/spec/error-codes.md#7";
    ProfileNotAdmin = 40004, "caller is not an app admin", "admin rights needed", "docs/spec/error-codes.md#7";
    ProfileForbiddenWords = 40005, "a field has forbidden words", "forbidden words in a field (older list)", "docs/spec/error-codes.md#7";
    ProfileInternal = 40006, "Err_Profile_PortraitGet_Read_Custom_Data_Fail", "internal error of the profile service", "docs/spec/error-codes.md#7";
    ProfileReadForbidden = 40007, "no right to read a field", "no right to read a profile field", "docs/spec/error-codes.md#7";
    ProfileWriteForbidden = 40008, "no right to write a field", "no right to write a profile field", "docs/spec/error-codes.md#7";
    ProfileUnknownTag = 40009, "unknown field tag", "profile field tag unknown; custom field not configured", "docs/spec/error-codes.md#7";
    ProfileValueTooLong = 40601, "value longer than 500 bytes", "profile value longer than 500 bytes", "docs/spec/error-codes.md#7";
    ProfileBadValue = 40605, "value of a standard field is not legal", "standard profile field has an illegal value", "docs/spec/error-codes.md#7";
    ProfileWrongType = 40610, "value has the wrong type", "profile value has the wrong type, for example text for a number", "docs/spec/error-codes.md#7";

    // Conversations
    ConversationAccountNotFound = 50001, "account does not exist", "account of a conversation command does not exist", "docs/spec/error-codes.md#8";
    ConversationBadParameter = 50002, "bad parameter", "parameter error of a conversation command", "docs/spec/error-codes.md#8";
    ConversationNotAdmin = 50003, "caller is not an app admin", "admin rights needed", "docs/spec/error-codes.md#8";
    ConversationInternal = 50004, "internal error, try again", "internal error", "docs/spec/error-codes.md#8";
    ConversationTimeout = 50005, "time-out, try again", "time-out", "docs/spec/error-codes.md#8";
    ConversationBadCount = 51006, "number of conversations is not legal", "no conversation or more than 100 in one request", "docs/spec/error-codes.md#8";
    ConversationNotAccessible = 51007, "group conversation is not accessible", "group of the conversation left or dismissed", "docs/spec/error-codes.md#8";
    ConversationTooManyMarked = 51008, "more than 1000 conversations grouped or marked", "more than 1,000 conversations grouped or marked", "docs/spec/error-codes.md#8";
    ConversationGroupNotFound = 51009, "conversation group does not exist", "conversation group does not exist", "docs/spec/error-codes.md#8";
    ConversationTooManyGroups = 51010, "more than 20 conversation groups", "more than 20 conversation groups", "docs/spec/error-codes.md#8";
    ConversationGroupNameTooLong = 51011, "conversation group name longer than 32 bytes", "conversation group name longer than 32 bytes", "docs/spec/error-codes.md#8";
    ConversationTooManyPinned = 51012, "too many pinned conversations", "more pinned conversations than allowed, 50 by default", "docs/spec/error-codes.md#8";
    ConversationFeatureOff = 51013, "conversation marks and groups are not enabled", "marks or groups need a larger plan (older list)", "docs/spec/error-codes.md#8";

    // REST front door
    RestBadRequest = 60002, "request is not of the form post /v4/<service>/<command>", "URL shape, HTTP method or framing unusable", "docs/spec/error-codes.md#2";
    RestBadJson = 60003, "body is not valid json", "body has a syntax error, is empty or has the wrong encoding", "docs/spec/error-codes.md#2";
    RestTicketNotChecked = 60004, "account or ticket could not be checked", "account or ticket in the URL or body cannot be checked", "docs/spec/error-codes.md#2";
    RestAccountNotChecked = 60005, "account could not be checked", "account look-up failed", "docs/spec/error-codes.md#2";
    RestBadApp = 60006, "sdkappid is not valid", "SDKAppID malformed (older list); prefer 60012 or 70020", "docs/spec/error-codes.md#2";
    RestRateLimited = 60007, "rate limit of this command reached", "rate limit of this command and app reached", "docs/spec/error-codes.md#2";
    RestTimeout = 60008, "time-out or malformed request", "internal deadline exceeded, or request malformed", "docs/spec/error-codes.md#2";
    RestUnknownCommand = 60009, "service or command does not exist", "unknown service or command name", "docs/spec/error-codes.md#2";
    RestNotAdmin = 60010, "identifier is not an app admin", "caller is not in the app's list of admins", "docs/spec/error-codes.md#2";
    RestAppRateLimited = 60011, "rate limit of the app reached", "sum over all commands of the app above its limit (older list)", "docs/spec/error-codes.md#2";
    RestAppMissing = 60012, "sdkappid is missing", "no sdkappid in the query", "docs/spec/error-codes.md#2";
    RestInternalAnswer = 60013, "internal error, try again", "internal answer was not JSON", "docs/spec/error-codes.md#2";
    RestAccountTimeout = 60014, "account look-up timed out", "account look-up timed out", "docs/spec/error-codes.md#2";
    RestUserIdNotText = 60015, "a user id is not a string", "a user id in the body is a number instead of a string", "docs/spec/error-codes.md#2";
    RestAppDisabled = 60016, "app is disabled", "app switched off in the console", "docs/spec/error-codes.md#2";
    RestCommandDisabled = 60017, "command is disabled for this app", "command switched off for the app", "docs/spec/error-codes.md#2";
    RestOverloaded = 60018, "too many requests, try again later", "global overload protection", "docs/spec/error-codes.md#2";
    RestOverloadedOld = 60019, "too many requests, try again later", "as 60018 (older list)", "docs/spec/error-codes.md#2";
    RestAppSuspended = 60020, "service is not available for this app", "app suspended by the operator (vendor: plan expired)", "docs/spec/error-codes.md#2";
    RestAddressNotAllowed = 60021, "address of the caller is not allowed", "source address outside the app's allow-list", "docs/spec/error-codes.md#2";
    RestBadQuery = 60025, "a url parameter is wrong or missing", "sdkappid, identifier, usersig or contenttype bad or missing", "docs/spec/error-codes.md#2";
    RestWrongRegion = 60026, "app is not served in this region", "request reached a server that does not host the app", "docs/spec/error-codes.md#2";
    RestWrongAppType = 60027, "type of the app does not offer this command", "push-only app calling chat commands", "docs/spec/error-codes.md#2";
    RestTrialQuotaReached = 60028, "daily requests of the trial plan used up", "daily request volume of the trial plan used up", "docs/spec/error-codes.md#2";

    // Accounts, tickets, login, presence
    UserSigExpired = 70001, "usersig has expired", "issue time and life time have passed, or invalidated by a kick", "docs/spec/error-codes.md#3";
    UserSigEmpty = 70002, "usersig is empty", "empty ticket at login", "docs/spec/error-codes.md#3";
    UserSigMalformed = 70003, "usersig is malformed", "ticket cannot be decoded, inflated or parsed", "docs/spec/error-codes.md#3";
    UserSigMalformedOld = 70005, "usersig is malformed", "as 70003 (older list)", "docs/spec/error-codes.md#3";
    UserSigBadSignature = 70009, "signature of the usersig is wrong", "ticket was made with the key of another app", "docs/spec/error-codes.md#3";
    UserSigOtherUser = 70013, "user id differs from the one in the usersig", "claimed user id differs from the one in the ticket", "docs/spec/error-codes.md#3";
    UserSigOtherApp = 70014, "sdkappid differs from the one in the usersig", "claimed SDKAppID differs from the one in the ticket", "docs/spec/error-codes.md#3";
    AppHasNoKey = 70016, "app has no verification key", "app has no key to verify tickets with", "docs/spec/error-codes.md#3";
    AppUnknown = 70020, "sdkappid is unknown", "SDKAppID unknown to this server", "docs/spec/error-codes.md#3";
    UserSigTooManyFailures = 70050, "too many failed usersig checks, wait a minute", "too many failed ticket checks in the last minute", "docs/spec/error-codes.md#3";
    AccountBarred = 70051, "account is barred", "account is on the app's block list", "docs/spec/error-codes.md#3";
    LoginTicketExpired = 70101, "login ticket has expired", "session renewal with a stale internal ticket (old SDKs)", "docs/spec/error-codes.md#3";
    AccountNotFound = 70107, "Err_TLS_PT_Open_Login_Account_Not_Exist", "account was not imported and never logged in", "docs/spec/error-codes.md#3";
    LoginRestricted = 70114, "login is restricted for safety", "login too frequent (older list)", "docs/spec/error-codes.md#3";
    AccountTimeout = 70169, "time-out, try again", "internal time-out of the account service", "docs/spec/error-codes.md#3";
    AccountTimeoutOld = 70202, "time-out, try again", "as 70169 (older list)", "docs/spec/error-codes.md#3";
    AccountBadBatchSize = 70206, "number of accounts is not legal", "more than 100 accounts in one import, delete or check (older list)", "docs/spec/error-codes.md#3";
    AccountQuotaReached = 70398, "account quota of the app reached", "the app may not have more accounts", "docs/spec/error-codes.md#3";
    AccountNotYetAgain = 70399, "deleted account may not be imported again yet", "account was deleted less than three months ago", "docs/spec/error-codes.md#3";
    AccountBadParameter = 70402, "bad parameter", "required field of an account command missing or malformed", "docs/spec/error-codes.md#3";
    AccountNotAdmin = 70403, "caller is not an app admin", "admin rights needed (older list)", "docs/spec/error-codes.md#3";
    SdkTooOld = 70404, "sdk version is too old", "client SDK version too old", "docs/spec/error-codes.md#3";
    AccountInternal = 70500, "internal error, try again", "internal error of the account service", "docs/spec/error-codes.md#3";
    AccountDeletionOff = 71000, "account deletion is switched off", "account deletion is switched off", "docs/spec/error-codes.md#3";
    LoginDailyUsersReached = 72000, "daily active users of the trial plan used up", "daily active users of the trial plan used up", "docs/spec/error-codes.md#3";
    PresenceOff = 72001, "presence is not enabled", "presence query and subscription not enabled", "docs/spec/error-codes.md#3";
    LoginMonthlyUsersReached = 72002, "monthly active users of the trial plan used up", "monthly active users of the trial plan used up", "docs/spec/error-codes.md#3";
    LoginTooFrequent = 72010, "login or logout too frequent", "one user's login, logout, foreground, background or push settings too frequent", "docs/spec/error-codes.md#3";
    GlobalMuteNotificationsOff = 72011, "global do-not-disturb is not enabled", "global do-not-disturb not enabled", "docs/spec/error-codes.md#3";
    ProfileSubscriptionOff = 72012, "profile subscription is not enabled", "profile-change subscription not enabled", "docs/spec/error-codes.md#3";

    // Content, size, webhook failure
    ContentTextRefused = 80001, "text was refused by moderation", "text refused by moderation", "docs/spec/error-codes.md#9";
    MessageTooLong = 80002, "message too long", "message above 12,288 bytes by default", "docs/spec/error-codes.md#9";
    WebhookFailed = 80003, "webhook of the app failed", "before-webhook failed or timed out and the app says not to deliver", "docs/spec/error-codes.md#9";
    ContentImageRefused = 80004, "picture was refused by moderation", "picture refused by moderation", "docs/spec/error-codes.md#9";
    ContentServiceStopped = 80005, "content check is not available", "service stopped; in older texts: moderation timed out", "docs/spec/error-codes.md#9";

    // REST message format and push
    MessageBadJson = 90001, "Fail to Parse json data of body, Please check it", "body of a message command is not valid JSON", "docs/spec/error-codes.md#10";
    MessageBadBody = 90002, "MsgBody is not legal", "MsgBody is empty or has a malformed element", "docs/spec/error-codes.md#10";
    MessageBadReceiver = 90003, "To_Account is missing or not a string", "To_Account missing or of the wrong type", "docs/spec/error-codes.md#10";
    MessageBadSeq = 90004, "MsgSeq is not an integer", "MsgSeq has the wrong type", "docs/spec/error-codes.md#10";
    MessageBadRandom = 90005, "MsgRandom is missing or not an integer", "MsgRandom missing or not an integer", "docs/spec/error-codes.md#10";
    MessageBadTime = 90006, "MsgTimeStamp is missing or not an integer", "MsgTimeStamp missing or not an integer, in imports", "docs/spec/error-codes.md#10";
    MessageBodyNotArray = 90007, "MsgBody is not an array", "MsgBody is not an array", "docs/spec/error-codes.md#10";
    MessageBadSender = 90008, "From_Account is missing or unknown", "From_Account missing, of the wrong type or unknown", "docs/spec/error-codes.md#10";
    MessageNotAdmin = 90009, "caller is not an app admin", "admin rights needed", "docs/spec/error-codes.md#10";
    MessageBadElement = 90010, "an element of MsgBody is malformed", "unknown element type, or the content does not fit the type", "docs/spec/error-codes.md#10";
    MessageTooManyReceivers = 90011, "more than 500 receivers", "more than 500 receivers of a batch message", "docs/spec/error-codes.md#10";
    MessageReceiverNotFound = 90012, "invalid To_Account", "receiver unknown, also per item of a batch", "docs/spec/error-codes.md#10";
    PushTaskIdsMissing = 90014, "TaskIds is missing", "push report: TaskIds missing (legacy)", "docs/spec/rest-push-ops.md#1.6";
    PushTaskIdsWrongType = 90015, "TaskIds is not an array of strings", "push report: TaskIds of the wrong type (legacy)", "docs/spec/rest-push-ops.md#1.6";
    PushTooManyTaskIds = 90016, "more than 500 TaskIds", "push report: too many TaskIds (legacy)", "docs/spec/rest-push-ops.md#1.6";
    PushTaskIdNotFound = 90017, "push task does not exist", "push report: task not found (legacy)", "docs/spec/rest-push-ops.md#1.6";
    PushTooManyAccounts = 90018, "too many accounts in the request", "too many accounts in a push tag or attribute command", "docs/spec/error-codes.md#10";
    PushTagTooLongOld = 90020, "tag longer than 50 bytes", "tag above 50 bytes (older list); see 90034", "docs/spec/error-codes.md#10";
    PushSameTagTwice = 90022, "the same tag is in both tag conditions", "the same tag in both tag conditions of an all-member push", "docs/spec/error-codes.md#10";
    PushTooClose = 90024, "pushes less than 1 second apart", "all-member pushes less than 1 second apart", "docs/spec/error-codes.md#10";
    MessageLifeTooLong = 90026, "MsgLifeTime is above 604800 seconds", "MsgLifeTime above 604,800 seconds", "docs/spec/error-codes.md#10";
    MessageReceiversNotArray = 90028, "To_Account is not an array", "To_Account of a batch message is not an array", "docs/spec/error-codes.md#10";
    MessageReceiversEmpty = 90029, "To_Account is empty", "To_Account of a batch message is empty", "docs/spec/error-codes.md#10";
    MessageBadSyncFromOld = 90030, "SyncFromOldSystem is missing or not an integer", "SyncFromOldSystem missing or not an integer; push: attribute empty or above 50 bytes", "docs/spec/error-codes.md#10";
    MessageBadSyncOther = 90031, "SyncOtherMachine is not an integer", "SyncOtherMachine not an integer", "docs/spec/error-codes.md#10";
    PushTooManyTags = 90032, "more than 10 tags", "more than 10 tags in a condition or request", "docs/spec/error-codes.md#10";
    PushUnknownAttribute = 90033, "unknown attribute", "unknown push attribute", "docs/spec/error-codes.md#10";
    PushTagTooLong = 90034, "tag longer than 50 bytes", "push tag longer than 50 bytes", "docs/spec/error-codes.md#10";
    PushMixedConditions = 90039, "tag and attribute conditions together", "tag and attribute conditions together in an all-member push", "docs/spec/error-codes.md#10";
    PushEmptyTag = 90040, "a tag is empty", "empty tag in a push condition", "docs/spec/error-codes.md#10";
    MessageBadPushInfo = 90043, "OfflinePushInfo is malformed", "OfflinePushInfo malformed", "docs/spec/error-codes.md#10";
    MessageBadLife = 90044, "MsgLifeTime is not an integer", "MsgLifeTime not an integer", "docs/spec/error-codes.md#10";
    PushOff = 90045, "all-member push is not enabled", "all-member push not enabled", "docs/spec/error-codes.md#10";
    PushDailyQuotaReached = 90047, "daily number of pushes used up", "daily number of all-member pushes used up, 100 by default", "docs/spec/error-codes.md#10";
    MessageAccountNotFound = 90048, "account does not exist", "account of a message or push command does not exist or is no string", "docs/spec/error-codes.md#10";
    PushTaskUnknown = 90049, "push task is unknown or too old", "push to revoke is unknown or older than 24 hours", "docs/spec/rest-push-ops.md#2.3";
    PushAlreadyRevoked = 90050, "push was already revoked", "push was already revoked", "docs/spec/rest-push-ops.md#2.3";
    PushRevokeTooFrequent = 90051, "more than 1 revocation per second", "more than 1 push revocation per second", "docs/spec/rest-push-ops.md#2.3";
    MessageBadKey = 90054, "MsgKey is not legal", "MsgKey of a recall or extension is not legal", "docs/spec/error-codes.md#10";
    MessageBatchTooLong = 90055, "message too long", "batch message above 12,288 bytes by default", "docs/spec/error-codes.md#10";
    MessageBatchRateLimited = 90057, "batch send rate reached", "batch send rate reached, counted in receivers per minute", "docs/spec/error-codes.md#10";
    MessageWebhookInternal = 90992, "internal error, try again", "internal error, or the webhook gave unusable answers", "docs/spec/error-codes.md#10";
    MessageInternalA = 90994, "internal error, try again", "internal error of the message service; new code uses 91000", "docs/spec/error-codes.md#10";
    MessageInternalB = 90995, "internal error, try again", "internal error of the message service; new code uses 91000", "docs/spec/error-codes.md#10";
    MessageInternal = 91000, "internal error, try again", "internal error of the message service; retry", "docs/spec/error-codes.md#10";
    SessionTooManyWeb = 91101, "too many web sessions", "web session closed because there are too many; the oldest is told", "docs/spec/error-codes.md#10";
    PackageTooLong = 93000, "json package too long", "message part above 12,288 bytes by default; in moderation: content above 8 KB", "docs/spec/error-codes.md#10";
    ModerationInternal = 93001, "internal error, try again", "moderation: internal error", "docs/spec/error-codes.md#10";
    ModerationBadBatchType = 93005, "a batch takes only text and pictures", "moderation batch: only text and pictures", "docs/spec/error-codes.md#10";
    ModerationTimeout = 93006, "moderation timed out", "moderation batch: time-out after 5 s", "docs/spec/error-codes.md#10";
    ModerationRepeatedId = 93007, "ContentId is repeated", "moderation batch: repeated ContentId", "docs/spec/error-codes.md#10";
    ModerationTooMany = 93008, "more than 10 items", "moderation batch: more than 10 items", "docs/spec/error-codes.md#10";

    // Topics and permission groups of communities
    TopicDissolveFailed = 110002, "dissolving the topic failed", "dissolving the topic failed; retry", "docs/spec/rest-groups.md#0.4";
    TopicNotFound = 110003, "topic does not exist", "topic was already dissolved or deleted", "docs/spec/rest-groups.md#0.4";
    PermissionGroupNotFound = 110006, "permission group does not exist", "permission group does not exist", "docs/spec/error-codes.md#4";
    PermissionGroupDeleteFailed = 110007, "deleting the permission group failed", "deleting the permission group failed; retry", "docs/spec/error-codes.md#4";
    PermissionGroupDeleted = 110008, "permission group does not exist or was deleted", "permission group does not exist or was deleted", "docs/spec/error-codes.md#4";
    PermissionGroupHasTopic = 110010, "topic is already in the permission group", "topic already in the permission group", "docs/spec/error-codes.md#4";
    PermissionGroupLacksTopic = 110011, "topic is not in the permission group", "topic not in the permission group", "docs/spec/error-codes.md#4";
    PermissionGroupFull = 110012, "permission group has too many members", "permission group has too many members", "docs/spec/error-codes.md#4";
    TopicBadId = 110013, "topic id is not legal", "topic id not legal", "docs/spec/error-codes.md#4";
    TopicPermissionDeleted = 110014, "topic permission was deleted", "topic permission was deleted", "docs/spec/error-codes.md#4";

    // App-wide mute, app statistics, official accounts
    AppMuteBadJson = 130001, "body is not valid json", "app-wide mute and app statistics: body is not valid JSON", "docs/spec/rest-users.md#9.1";
    OfficialAccountNotAllowed = 130002, "no right to this official account", "caller is neither subscriber nor manager of the official account", "docs/spec/error-codes.md#11";
    AppMuteBadAccount = 130003, "Get_Account is not legal", "app-wide mute: account to look up is not legal", "docs/spec/rest-users.md#9.2";
    OfficialAccountNotFound = 130004, "official account does not exist", "official account does not exist any more or never did", "docs/spec/error-codes.md#11";
    OfficialAccountAlreadySubscribed = 130005, "already subscribed", "already a subscriber of the official account", "docs/spec/error-codes.md#11";
    OfficialAccountFull = 130006, "official account has too many subscribers", "subscriber cap reached", "docs/spec/error-codes.md#11";
    OfficialAccountBadId = 130007, "official account id is not legal", "official account id not legal", "docs/spec/error-codes.md#11";
    OfficialAccountIdTaken = 130008, "official account id is taken", "official account id taken", "docs/spec/error-codes.md#11";
    OfficialAccountNoDeletion = 130009, "message deletion is not supported", "messages of official accounts cannot be deleted", "docs/spec/error-codes.md#11";
    OfficialAccountTooMany = 130010, "too many official accounts", "too many official accounts created or subscribed", "docs/spec/error-codes.md#11";
    StatisticsQueryFailed = 130011, "internal error, try again", "app statistics: query failed", "docs/spec/rest-push-ops.md#4.1";
    StatisticsResultFailed = 130012, "internal error, try again", "app statistics: result unusable", "docs/spec/rest-push-ops.md#4.1";
    AppMuteInternal = 130014, "internal error, try again", "app-wide mute: internal error", "docs/spec/rest-users.md#9.1";
    OfficialAccountOff = 131000, "official accounts are not enabled", "official accounts not enabled for the app", "docs/spec/error-codes.md#11";
    OfficialAccountNotSubscribed = 131003, "subscription not found", "subscription of the official account not found", "docs/spec/error-codes.md#11";
    OfficialAccountSdkTooOld = 131005, "sdk version is too old", "client SDK too old for official accounts", "docs/spec/error-codes.md#11";
}

/// Second meanings of numbers that the vendor uses twice. Give such a refusal its own text: the default one belongs to the
/// first meaning.
impl ErrorCode {
    /// 1002 in the answer of `wshello`: the session was kicked while its client was away.
    ///
    /// Spec: docs/spec/websocket-protocol.md#6
    pub const SESSION_KICKED: ErrorCode = ErrorCode::HistoryFileBadParameter;
    /// 130002 from the app-wide mute: `Get_Account` is missing.
    ///
    /// Spec: docs/spec/rest-users.md#9.2
    pub const APP_MUTE_GET_ACCOUNT_MISSING: ErrorCode = ErrorCode::OfficialAccountNotAllowed;
    /// 130004 from the app-wide mute: `Set_Account` is missing.
    ///
    /// Spec: docs/spec/rest-users.md#9.1
    pub const APP_MUTE_SET_ACCOUNT_MISSING: ErrorCode = ErrorCode::OfficialAccountNotFound;
    /// 130005 from the app-wide mute: `Set_Account` is not legal or unknown.
    ///
    /// Spec: docs/spec/rest-users.md#9.1
    pub const APP_MUTE_SET_ACCOUNT_UNKNOWN: ErrorCode = ErrorCode::OfficialAccountAlreadySubscribed;
    /// 130008 from the app-wide mute: neither of the two mute times is given.
    ///
    /// Spec: docs/spec/rest-users.md#9.1
    pub const APP_MUTE_NO_TIME: ErrorCode = ErrorCode::OfficialAccountIdTaken;
}

impl ErrorCode {
    /// The number that goes over the wire.
    #[must_use]
    pub const fn number(self) -> u32 {
        self as u32
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number(), self.name())
    }
}

/// A code is written as its number, as in the `ErrorCode` and `ResultCode` members of list items.
impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.number())
    }
}

/// Texts that clients compare and that share their number with other refusals, so they cannot be the default text of it.
///
/// Spec: docs/spec/rest-common.md#2.4
pub mod compared_text {
    /// With 30001 from `friend_add`: the two are friends already.
    pub const ALREADY_FRIENDS: &str = "Err_SNS_FriendAdd_Friend_Exist";
    /// With 30001 in an item of `friend_get_list`: not a friend.
    pub const LISTED_FRIEND_NOT_FOUND: &str = "Err_SNS_FriendGetList_Friend_Not_Exist";
    /// With 30001 in an item of `black_list_add`: blocked already.
    pub const ALREADY_BLOCKED: &str = "Err_SNS_BlackListAdd_Already_Exist";
    /// With 40003 in an item of `portrait_get`: no such account. In the vendor's sample, docs/spec/rest-users.md#4.3.
    pub const PORTRAIT_ACCOUNT_NOT_FOUND: &str = "Err_Profile_PortraitGet_Account_Not_Exist";
}

/// A code of the app's own, which a before-webhook may hand through to the caller.
///
/// The ranges hold none of our [`ErrorCode`]s, so a caller can tell the app's refusals from ours.
///
/// Spec: docs/spec/webhooks.md#1.5
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CustomCode(u32);

impl CustomCode {
    /// A code of a webhook about groups: 10100 to 10200; `None` outside of it.
    #[must_use]
    pub fn group(number: u32) -> Option<CustomCode> {
        (10_100..=10_200).contains(&number).then_some(CustomCode(number))
    }

    /// A code of the webhook before one-to-one messages: 120001 to 130000; `None` outside of it.
    #[must_use]
    pub fn one_to_one(number: u32) -> Option<CustomCode> {
        (120_001..=130_000).contains(&number).then_some(CustomCode(number))
    }

    /// A code of a webhook about friends: 38000 to 39000; `None` outside of it.
    #[must_use]
    pub fn friend(number: u32) -> Option<CustomCode> {
        (38_000..=39_000).contains(&number).then_some(CustomCode(number))
    }

    /// The number that goes over the wire.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

impl fmt::Display for CustomCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use rstest::rstest;

    use super::*;

    #[test]
    fn codes_are_sorted_and_unique() {
        assert!(ErrorCode::ALL.windows(2).all(|pair| pair[0].number() < pair[1].number()));
        let names: HashSet<_> = ErrorCode::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), ErrorCode::ALL.len());
    }

    #[test]
    fn numbers_lead_back_to_their_codes() {
        for &code in ErrorCode::ALL {
            assert_eq!(ErrorCode::from_number(code.number()), Some(code));
        }
        for number in [0, 1, 9_999, 10_022, 10_150, 60_022, u32::MAX] {
            assert_eq!(ErrorCode::from_number(number), None);
        }
    }

    #[test]
    fn texts_are_short_and_name_their_source() {
        for &code in ErrorCode::ALL {
            assert!(!code.text().is_empty() && code.text().len() <= 60, "{code}: {}", code.text());
            assert!(!code.meaning().is_empty(), "{code}");
            assert!(code.spec().starts_with("docs/spec/") && code.spec().contains(".md#"), "{code}");
        }
    }

    /// Our own texts are lowercase sentences; vendor field names and compared texts keep their spelling.
    #[test]
    fn own_texts_begin_in_lower_case() {
        let vendor_words =
            ["Err_", "Fail to", "MsgBody", "Msg", "To_", "From_", "Sync", "Offline", "TaskId", "Content", "Get_"];
        for &code in ErrorCode::ALL {
            let own = !vendor_words.iter().any(|word| code.text().starts_with(word));
            assert!(!own || code.text().starts_with(|c: char| c.is_ascii_lowercase()), "{code}: {}", code.text());
        }
    }

    /// Every code of the register in docs/spec/error-codes.md is in the catalogue, except the ones made by client SDKs.
    #[test]
    fn the_register_is_covered() {
        let register = include_str!("../../../docs/spec/error-codes.md");
        let mut checked = 0;
        for line in register.lines() {
            let Some(cell) = line.strip_prefix("| ").and_then(|rest| rest.split(" |").next()) else {
                continue;
            };
            for number in cell.split(", ").filter_map(|word| word.parse::<u32>().ok()) {
                assert!(ErrorCode::from_number(number).is_some(), "{number} is in the register only");
                checked += 1;
            }
        }
        assert!(checked > 250, "the register was not read: {checked}");
    }

    #[rstest]
    #[case(90001, "Fail to Parse json data of body, Please check it")]
    #[case(90012, "invalid To_Account")]
    #[case(70107, "Err_TLS_PT_Open_Login_Account_Not_Exist")]
    #[case(30516, "Err_SNS_FriendAdd_Friend_Allow_Type_Forbid")]
    #[case(30539, "Err_SNS_FriendAdd_Need_Confirm")]
    #[case(30010, "Err_SNS_FriendImport_My_Friend_Num_Exceed_Threshold")]
    #[case(30011, "Err_SNS_FriendUpdate_Group_Num_Exceed_Threshold")]
    #[case(32216, "Err_SNS_GroupAdd_ToTinyId_Not_Friend")]
    #[case(40001, "Err_Profile_Comm_Decode_Fail")]
    #[case(40006, "Err_Profile_PortraitGet_Read_Custom_Data_Fail")]
    fn compared_texts_are_exact(#[case] number: u32, #[case] text: &str) {
        assert_eq!(ErrorCode::from_number(number).unwrap().text(), text);
    }

    #[test]
    fn custom_codes_keep_to_their_ranges() {
        for (make, first, last) in [
            (CustomCode::group as fn(u32) -> Option<CustomCode>, 10_100, 10_200),
            (CustomCode::one_to_one, 120_001, 130_000),
            (CustomCode::friend, 38_000, 39_000),
        ] {
            assert_eq!(make(first).map(CustomCode::number), Some(first));
            assert_eq!(make(last).map(CustomCode::number), Some(last));
            assert_eq!((make(first - 1), make(last + 1)), (None, None));
            assert!(ErrorCode::ALL.iter().all(|code| make(code.number()).is_none()), "ranges hold no code of ours");
        }
    }

    #[test]
    fn a_code_is_written_as_its_number() {
        assert_eq!(serde_json::to_string(&ErrorCode::GroupNotFound).unwrap(), "10010");
        assert_eq!(ErrorCode::GroupNotFound.to_string(), "10010 GroupNotFound");
    }
}
