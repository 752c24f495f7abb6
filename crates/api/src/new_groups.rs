//! How many groups an app gained today.

use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tsudoi_domain::{GroupPolicy, Timestamp};
use tsudoi_store::StoreError;

use crate::app::App;

/// How much the number of an app's groups grew today: created less dissolved, in UTC days, communities not counted. Where the
/// app has a quota the count outlives a restart.
#[derive(Debug, Default)]
pub struct NewGroups(Mutex<Option<Growth>>);

/// The growth of one day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Growth {
    day: i64,
    net: i64,
}

const DAY_SECS: i64 = 86_400;

impl Growth {
    /// The growth of the day of that moment: another day begins with nothing.
    fn on(self, now: Timestamp) -> Self {
        let day = now.0.div_euclid(DAY_SECS);
        if self.day == day { self } else { Self { day, net: 0 } }
    }
}

fn key(app: &App) -> String {
    format!("new_groups.{}", app.id())
}

async fn load(app: &App) -> Result<Growth, StoreError> {
    let kept = app.store().read().meta(&key(app)).await?;
    Ok(kept.and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default())
}

impl NewGroups {
    /// So many more groups of a type, or fewer.
    ///
    /// # Errors
    /// [`StoreError`] when the count cannot be kept.
    pub async fn count(&self, app: &App, policy: &GroupPolicy, by: i64) -> Result<(), StoreError> {
        if policy.topics {
            return Ok(());
        }
        let mut state = self.0.lock().await;
        let before = match *state {
            Some(growth) => growth,
            None => load(app).await?,
        };
        let mut growth = before.on(app.now());
        growth.net += by;
        *state = Some(growth);
        if app.settings().limits().group.max_new_per_day > 0 {
            let json = serde_json::to_vec(&growth).expect("two numbers");
            app.store().read().put_meta(&key(app), &json).await?;
        }
        Ok(())
    }

    /// Today's growth; 0 when more were dissolved than created.
    ///
    /// # Errors
    /// [`StoreError`] when the count cannot be read.
    pub async fn today(&self, app: &App) -> Result<u64, StoreError> {
        let mut state = self.0.lock().await;
        let growth = match *state {
            Some(growth) => growth,
            None => *state.insert(load(app).await?),
        };
        Ok(u64::try_from(growth.on(app.now()).net).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_counted_by_day() {
        let noon = Timestamp(20_000 * 86_400 + 43_200);
        let growth = Growth { day: 20_000, net: 7 };
        assert_eq!(growth.on(noon), growth);
        assert_eq!(growth.on(Timestamp(noon.0 + 43_200)), Growth { day: 20_001, net: 0 });
    }
}
