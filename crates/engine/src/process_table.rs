//! Processes as `/proc` describes them, and as `ps` writes the parts of that down.

use std::collections::HashMap;
use std::fs;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Ticks of a process's times in a second, the same on every Linux.
const TICKS: u64 = 100;
/// Widest user name `ps` shows in full.
const USER_WIDTH: usize = 8;

/// One process at one moment; times are in ticks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    pub(crate) ppid: i64,
    pub(crate) group: i64,
    pub(crate) session: i64,
    terminal: i64,
    terminal_group: i64,
    state: String,
    time: u64,
    pub(crate) priority: i64,
    pub(crate) nice: i64,
    pub(crate) threads: i64,
    /// Since boot.
    start: u64,
    /// Bytes.
    virtual_size: u64,
    /// KiB.
    pub(crate) resident: u64,
    pub(crate) processor: i64,
    pub(crate) uid: u32,
    pub(crate) real_uid: u32,
    pub(crate) gid: u32,
    has_locked: bool,
    pub(crate) name: String,
    arguments: String,
}

/// What a process is measured by.
#[derive(Debug)]
pub(crate) struct Machine {
    /// Seconds since the Unix epoch.
    booted: i64,
    now: i64,
    /// KiB.
    memory: u64,
    zone: TimeZone,
    users: HashMap<u32, String>,
    groups: HashMap<u32, String>,
}

impl Machine {
    /// This machine, now.
    pub(crate) fn now() -> Self {
        let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
        let booted = stat
            .lines()
            .find_map(|line| line.strip_prefix("btime ")?.trim().parse().ok())
            .unwrap_or_default();
        let info = rustix::system::sysinfo();
        Self {
            booted,
            now: Timestamp::now().as_second(),
            memory: u64::from(info.mem_unit).saturating_mul(info.totalram) >> 10,
            zone: TimeZone::system(),
            users: names("/etc/passwd"),
            groups: names("/etc/group"),
        }
    }

    /// A user as `ps` names it.
    pub(crate) fn user(&self, uid: u32) -> String {
        short(self.users.get(&uid), uid)
    }

    /// A group as `ps` names it.
    pub(crate) fn group(&self, gid: u32) -> String {
        short(self.groups.get(&gid), gid)
    }
}

impl Process {
    /// Reads a process; `None` when it is gone.
    pub(crate) fn read(pid: u32) -> Option<Self> {
        let file = |name: &str| fs::read(format!("/proc/{pid}/{name}")).ok();
        let stat = String::from_utf8_lossy(&file("stat")?).into_owned();
        let status = String::from_utf8_lossy(&file("status")?).into_owned();
        let command = file("cmdline")?;
        Self::parse(pid, &stat, &status, &command)
    }

    /// From the files `stat`, `status` and `cmdline` (proc(5)).
    fn parse(pid: u32, stat: &str, status: &str, command: &[u8]) -> Option<Self> {
        let (name, rest) = stat.split_once('(')?.1.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        // proc(5) counts from 1, and two fields stand before these.
        let number = |field: usize| fields.get(field - 3)?.parse::<i64>().ok();
        let count = |field: usize| number(field).and_then(|value| u64::try_from(value).ok());
        let line = |key: &str| status.lines().find_map(|line| line.strip_prefix(key));
        let id = |key: &str, place: usize| line(key)?.split_whitespace().nth(place)?.parse::<u32>().ok();
        let kib = |key: &str| {
            line(key)
                .and_then(|text| text.trim().trim_end_matches("kB").trim().parse::<u64>().ok())
                .unwrap_or(0)
        };
        let words: Vec<_> = command
            .split(|byte| *byte == 0)
            .map(|word| String::from_utf8_lossy(word))
            .collect();
        let arguments = words.join(" ").trim_end().to_owned();
        Some(Self {
            pid,
            state: (*fields.first()?).to_owned(),
            ppid: number(4)?,
            group: number(5)?,
            session: number(6)?,
            terminal: number(7)?,
            terminal_group: number(8)?,
            time: count(14)? + count(15)?,
            priority: number(18)?,
            nice: number(19)?,
            threads: number(20)?,
            start: count(22)?,
            virtual_size: count(23)?,
            resident: kib("VmRSS:"),
            processor: number(39).unwrap_or_default(),
            uid: id("Uid:", 1)?,
            real_uid: id("Uid:", 0)?,
            gid: id("Gid:", 1)?,
            has_locked: kib("VmLck:") > 0,
            arguments: if arguments.is_empty() {
                format!("[{name}]")
            } else {
                arguments
            },
            name: name.to_owned(),
        })
    }

    /// Its command line; kernel threads and zombies have but a name, in brackets.
    pub(crate) fn command_line(&self) -> &str {
        &self.arguments
    }

    /// State with its remarks, as `Ss+`.
    pub(crate) fn state(&self, with_remarks: bool) -> String {
        let mut text = self.state.clone();
        if !with_remarks {
            return text;
        }
        let pid = i64::from(self.pid);
        for (holds, remark) in [
            (self.nice < 0, '<'),
            (self.nice > 0, 'N'),
            (self.has_locked, 'L'),
            (self.session == pid, 's'),
            (self.threads > 1, 'l'),
            (self.terminal_group == self.group, '+'),
        ] {
            if holds {
                text.push(remark);
            }
        }
        text
    }

    /// Its terminal, `?` without one.
    pub(crate) fn terminal(&self) -> String {
        let major = (self.terminal >> 8) & 0xfff;
        let minor = (self.terminal & 0xff) | ((self.terminal >> 12) & 0xf_ff00);
        match (major, minor) {
            (136..=143, _) => format!("pts/{}", minor + (major - 136) * 256),
            (4, 0..64) => format!("tty{minor}"),
            (4, _) => format!("ttyS{}", minor - 64),
            _ => "?".to_owned(),
        }
    }

    /// KiB of addresses in use.
    pub(crate) fn virtual_kib(&self) -> u64 {
        self.virtual_size >> 10
    }

    /// Processor time, `01:02:03`, with days in front when there are any.
    pub(crate) fn time(&self) -> String {
        clock(self.time / TICKS, true)
    }

    /// Processor time, `62:03`.
    pub(crate) fn minutes(&self) -> String {
        let seconds = self.time / TICKS;
        format!("{}:{:02}", seconds / 60, seconds % 60)
    }

    /// Time since its start, `02:03` or longer.
    pub(crate) fn elapsed(&self, machine: &Machine) -> String {
        clock(self.age(machine), false)
    }

    /// Seconds since its start.
    pub(crate) fn age(&self, machine: &Machine) -> u64 {
        u64::try_from(machine.now - self.started(machine)).unwrap_or(0)
    }

    /// Tenths of a percent of one processor that it has used in its life.
    pub(crate) fn share_of_cpu(&self, machine: &Machine) -> u64 {
        match self.age(machine) {
            0 => 0,
            age => self.time.saturating_mul(1000) / TICKS / age,
        }
    }

    /// Tenths of a percent of the machine's memory that it holds.
    pub(crate) fn share_of_memory(&self, machine: &Machine) -> u64 {
        self.resident.saturating_mul(1000) / machine.memory.max(1)
    }

    /// When it was started: the time of a day, the day of a year, or the year.
    pub(crate) fn start(&self, machine: &Machine) -> String {
        let local = |seconds: i64| {
            Timestamp::from_second(seconds)
                .unwrap_or_default()
                .to_zoned(machine.zone.clone())
        };
        let (start, now) = (local(self.started(machine)), local(machine.now));
        let format = if start.year() != now.year() {
            "%Y"
        } else if start.date() != now.date() {
            "%b%d"
        } else {
            "%H:%M"
        };
        start.strftime(format).to_string()
    }

    fn started(&self, machine: &Machine) -> i64 {
        machine
            .booted
            .saturating_add(i64::try_from(self.start / TICKS).unwrap_or(i64::MAX))
    }
}

fn clock(seconds: u64, with_hours: bool) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    let mut text = String::new();
    if days > 0 {
        text.push_str(&format!("{days}-"));
    }
    if with_hours || days > 0 || hours > 0 {
        text.push_str(&format!("{hours:02}:"));
    }
    text + &format!("{minutes:02}:{:02}", seconds % 60)
}

/// Names by number from a file such as `/etc/passwd`.
fn names(path: &str) -> HashMap<u32, String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let entry = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        Some((fields.nth(1)?.parse().ok()?, name.to_owned()))
    };
    text.lines().filter_map(entry).collect()
}

fn short(name: Option<&String>, number: u32) -> String {
    match name {
        None => number.to_string(),
        Some(name) if name.chars().count() <= USER_WIDTH => name.clone(),
        Some(name) => name.chars().take(USER_WIDTH - 1).chain(['+']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> Machine {
        Machine {
            booted: 1_000_000,
            now: 1_000_000 + 7200,
            memory: 1000,
            zone: TimeZone::UTC,
            users: [(0, "root".to_owned()), (7, "systemd-resolve".to_owned())].into(),
            groups: HashMap::new(),
        }
    }

    #[test]
    fn a_process_is_read_and_shown() {
        let stat = "42 (a (b) c) S 1 42 42 34817 42 4194560 1 2 3 4 6150 150 0 0 20 0 2 0 360000 8192000 100 \
                    18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0";
        let status =
            "Name:\ta\nUid:\t0\t7\t0\t0\nGid:\t0\t9\t0\t0\nVmLck:\t       0 kB\nVmRSS:\t     100 kB\n";
        let one = Process::parse(42, stat, status, b"sleep\0 1\0").unwrap();
        let machine = machine();
        assert_eq!(
            (one.name.as_str(), one.command_line(), one.ppid),
            ("a (b) c", "sleep  1", 1)
        );
        assert_eq!(one.state(true), "Ssl+");
        assert_eq!(one.terminal(), "pts/1");
        assert_eq!(
            (one.time().as_str(), one.minutes().as_str()),
            ("00:01:03", "1:03")
        );
        assert_eq!(one.elapsed(&machine), "01:00:00");
        assert_eq!(
            (one.share_of_cpu(&machine), one.share_of_memory(&machine)),
            (17, 100)
        );
        assert_eq!(one.start(&machine), "14:46");
        assert_eq!(
            (machine.user(one.uid), machine.user(5)),
            ("systemd+".into(), "5".into())
        );
        let zombie = Process::parse(42, stat, status, b"").unwrap();
        assert_eq!(zombie.command_line(), "[a (b) c]");
    }
}
