//! Statistics per day. Spec: docs/spec/rest-push-ops.md#4.1

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use tsudoi_domain::{
    Timestamp,
    statistics::{Figure, Moment},
};

use crate::{
    app::App,
    command::{Caller, Command, Route},
    decode::Fault,
    error::Error,
    error_code::ErrorCode,
};

/// How many days are shown.
const DAYS: i64 = 30;
const DAY_SECS: i64 = 86_400;

/// Lists what was counted in the last 30 days, a day each, newest first; days on which nothing was counted say 0. The day that is
/// not over yet is shown only where the app's settings say so. REST only.
/// Errors: `AppMuteBadJson`.
/// Spec: docs/spec/rest-push-ops.md#4.1
#[derive(Debug, Deserialize)]
pub struct AppInfo {
    #[serde(rename = "RequestField")]
    fields: Option<Vec<String>>,
}

/// The days.
#[derive(Debug, Serialize)]
pub struct Days {
    #[serde(rename = "Result")]
    days: Vec<BTreeMap<&'static str, String>>,
}

impl Command for AppInfo {
    const ROUTE: Route = Route::rest("openconfigsvr", "getappinfo", "docs/spec/rest-push-ops.md#4.1");
    type Reply = Days;
    const INFO: &'static str = "OK";

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Days, Error> {
        let failed = |error| {
            tracing::error!(%error, "statistics cannot be read");
            Error::from(ErrorCode::StatisticsQueryFailed)
        };
        let settings = app.settings();
        let operations = &settings.operations;
        let day_at = |back: i64| {
            let moment = Moment::of(Timestamp(app.now().0 - back * DAY_SECS), operations.utc_offset_hours);
            moment.day_number()
        };
        app.statistics.store(app).await.map_err(failed)?;
        let newest = i64::from(!operations.statistics_today);
        let days: Vec<u32> = (newest..newest + DAYS).map(day_at).collect();
        let (first, last) = (days[days.len() - 1], days[0]);
        let read = app.store().read();
        let mut counted: HashMap<u32, HashMap<Figure, u64>> = HashMap::new();
        for (day, figure, number) in read.figures(app.id(), first, last).await.map_err(failed)? {
            counted.entry(day).or_default().insert(figure, number);
        }
        // What there is at the end of a day is there on the next one too.
        let mut standing: HashMap<Figure, u64> = HashMap::new();
        for figure in [Figure::Accounts, Figure::AccountsMade, Figure::Groups] {
            standing.insert(figure, read.figure_before(app.id(), first, figure).await.map_err(failed)?);
        }
        let mut shown = Vec::with_capacity(days.len());
        for day in days.iter().rev() {
            let of_day = counted.remove(day).unwrap_or_default();
            let before = standing.clone();
            for (figure, number) in &mut standing {
                *number = of_day.get(figure).copied().unwrap_or(*number);
            }
            let made = standing[&Figure::AccountsMade].saturating_sub(before[&Figure::AccountsMade]);
            let mut values: BTreeMap<&'static str, String> = FIELDS
                .iter()
                .map(|(name, figures)| {
                    let number = |figure: &Figure| {
                        standing.get(figure).or_else(|| of_day.get(figure)).copied().unwrap_or_default()
                    };
                    (*name, figures.iter().map(number).sum::<u64>().to_string())
                })
                .collect();
            values.insert("RegistUserNumOneDay", made.to_string());
            values.insert("AppId", app.id().0.to_string());
            values.insert("AppName", settings.name.clone());
            values.insert("Company", operations.company.clone());
            if let Some(wanted) = self.fields.as_ref().filter(|fields| !fields.is_empty()) {
                values.retain(|name, _| wanted.iter().any(|field| field == name));
            }
            values.insert("Date", day.to_string());
            shown.push(values);
        }
        shown.reverse();
        Ok(Days { days: shown })
    }

    fn bad_field(_: &str, _: Fault) -> Option<ErrorCode> {
        Some(ErrorCode::AppMuteBadJson)
    }
}

/// The fields, each the sum of figures.
const FIELDS: &[(&str, &[Figure])] = &[
    ("ActiveUserNum", &[Figure::ActiveUsers]),
    ("RegistUserNumTotal", &[Figure::Accounts]),
    ("LoginTimes", &[Figure::Logins]),
    ("LoginUserNum", &[Figure::LoginUsers]),
    ("UpMsgNum", &[Figure::DirectUp, Figure::GroupUp]),
    ("DownMsgNum", &[Figure::DirectDown, Figure::GroupDown]),
    ("SendMsgUserNum", &[Figure::Senders]),
    ("APNSMsgNum", &[Figure::DirectApplePushes, Figure::GroupApplePushes]),
    ("C2CUpMsgNum", &[Figure::DirectUp]),
    ("C2CDownMsgNum", &[Figure::DirectDown]),
    ("C2CSendMsgUserNum", &[Figure::DirectSenders]),
    ("C2CAPNSMsgNum", &[Figure::DirectApplePushes]),
    ("MaxOnlineNum", &[Figure::MostOnline]),
    ("ChainIncrease", &[Figure::FriendsMade]),
    ("ChainDecrease", &[Figure::FriendsLost]),
    ("GroupUpMsgNum", &[Figure::GroupUp]),
    ("GroupDownMsgNum", &[Figure::GroupDown]),
    ("GroupSendMsgUserNum", &[Figure::GroupSenders]),
    ("GroupAPNSMsgNum", &[Figure::GroupApplePushes]),
    ("GroupSendMsgGroupNum", &[Figure::SpokenGroups]),
    ("GroupJoinGroupTimes", &[Figure::Joins]),
    ("GroupQuitGroupTimes", &[Figure::Exits]),
    ("GroupNewGroupNum", &[Figure::GroupsMade]),
    ("GroupAllGroupNum", &[Figure::Groups]),
    ("GroupDestroyGroupNum", &[Figure::GroupsGone]),
    ("CallBackReq", &[Figure::WebhookCalls]),
    ("CallBackRsp", &[Figure::WebhookAnswers]),
];
