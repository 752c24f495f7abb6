//! `tsudoi bench`: measures a server; the work is in [`tsudoi_bench`].

use std::io::Write;

use tsudoi_api::{
    clock::{Clock as _, SystemClock},
    user_sig::{self, SigningKey},
};
use tsudoi_bench::BenchArgs;

use super::{Failure, print};

/// Tickets outlast every measurement.
const TICKET_SECS: u64 = 24 * 3600;

pub(super) fn run(args: BenchArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let tsudoi_bench::App { id, key } = args.app();
    let key = SigningKey::new(key);
    let sign = move |user: &str| user_sig::sign(&key, id, user, SystemClock.now().second().0, TICKET_SECS, None);
    let report = tsudoi_bench::run(args, sign)?;
    print(out, &report.to_string())
}
