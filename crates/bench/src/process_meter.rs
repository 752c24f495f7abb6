//! What a process costs, as the kernel counts it: CPU time, memory, bytes written. Linux only; elsewhere the figures are left out.

use std::fs;
use std::time::Duration;

use crate::report::Setting;

/// Reads the costs of one process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Meter {
    pid: u32,
}

/// CPU time that a process has used so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CpuTime {
    /// User and kernel time of all threads, also of those that ended.
    pub(crate) total: Duration,
    /// The part of it that was spent in the kernel, in steps of a clock tick.
    pub(crate) kernel: Duration,
}

impl CpuTime {
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self { total: self.total.saturating_sub(earlier.total), kernel: self.kernel.saturating_sub(earlier.kernel) }
    }
}

impl Meter {
    pub(crate) fn new(pid: u32) -> Self {
        Self { pid }
    }

    /// CPU time so far; `None` when the process is gone.
    pub(crate) fn cpu(&self) -> Option<CpuTime> {
        let (user, kernel) = cpu_ticks(&self.read("stat")?)?;
        let total = exact_cpu_time(self.pid).unwrap_or(ticks(user + kernel));
        Some(CpuTime { total, kernel: ticks(kernel) })
    }

    /// Resident memory in bytes.
    pub(crate) fn resident_bytes(&self) -> Option<u64> {
        kilobytes(&self.read("smaps_rollup")?, "Rss:").or_else(|| kilobytes(&self.read("status")?, "VmRSS:"))
    }

    /// Bytes that the process caused to be written to disk so far.
    pub(crate) fn written_bytes(&self) -> Option<u64> {
        field(&self.read("io")?, "write_bytes:")
    }

    fn read(&self, file: &str) -> Option<String> {
        fs::read_to_string(format!("/proc/{}/{file}", self.pid)).ok()
    }
}

/// The machine in words, as far as it tells.
pub(crate) fn machine() -> Vec<Setting> {
    let mut machine = Vec::new();
    if let Ok(cores) = std::thread::available_parallelism() {
        machine.push(Setting::new("cores", cores));
    }
    if let Some(model) = fs::read_to_string("/proc/cpuinfo").ok().as_deref().and_then(cpu_model) {
        machine.push(Setting::new("cpu", model));
    }
    if let Ok(kernel) = fs::read_to_string("/proc/sys/kernel/osrelease") {
        machine.push(Setting::new("kernel", kernel.trim()));
    }
    machine
}

fn cpu_model(cpuinfo: &str) -> Option<&str> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim())
}

/// User and kernel ticks of `/proc/PID/stat`. The command name may hold spaces and brackets, so fields count from the last bracket.
fn cpu_ticks(stat: &str) -> Option<(u64, u64)> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

/// `name: 12 kB` in bytes.
fn kilobytes(text: &str, name: &str) -> Option<u64> {
    Some(field(text, name)? * 1_024)
}

fn field(text: &str, name: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    value.split_whitespace().next()?.parse().ok()
}

fn ticks(ticks: u64) -> Duration {
    use nix::unistd::{SysconfVar, sysconf};
    let per_second = sysconf(SysconfVar::CLK_TCK).ok().flatten().and_then(|rate| u64::try_from(rate).ok());
    Duration::from_secs(ticks) / u32::try_from(per_second.unwrap_or(100).max(1)).unwrap_or(100)
}

/// The process's CPU clock: the same sum as the ticks, to the nanosecond.
#[cfg(target_os = "linux")]
fn exact_cpu_time(pid: u32) -> Option<Duration> {
    let pid = nix::unistd::Pid::from_raw(i32::try_from(pid).ok()?);
    Some(nix::time::clock_getcpuclockid(pid).ok()?.now().ok()?.into())
}

#[cfg(not(target_os = "linux"))]
fn exact_cpu_time(_pid: u32) -> Option<Duration> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_s_files_are_understood() {
        let stat = "42 (a) b (c)) S 1 42 42 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 3 0 1000 1000000 500";
        assert_eq!(cpu_ticks(stat), Some((250, 50)));
        assert_eq!(cpu_ticks("42 (a"), None);
        assert_eq!(kilobytes("Rss:   12 kB\nPss: 3 kB", "Pss:"), Some(3 * 1_024));
        assert_eq!(field("wchar: 9\nwrite_bytes: 4096", "write_bytes:"), Some(4_096));
        assert_eq!(cpu_model("processor : 0\nmodel name\t: Some CPU @ 3 GHz\n"), Some("Some CPU @ 3 GHz"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_costs() {
        let meter = Meter::new(std::process::id());
        let before = meter.cpu().unwrap();
        let busy_until = std::time::Instant::now() + Duration::from_millis(20);
        while std::time::Instant::now() < busy_until {}
        let used = meter.cpu().unwrap().since(before);
        assert!(used.total > Duration::ZERO, "{used:?}");
        assert!(meter.resident_bytes().unwrap() > 1 << 20);
        assert!(meter.written_bytes().is_some());
        assert!(Meter::new(u32::MAX).cpu().is_none());
    }
}
