//! Runs the system's commands: bounded in time, in the caller's network namespace, never by a shell.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::FirewallError;

/// A change of 512 elements takes some 20 ms here; a command that takes this long hangs.
const LIMIT: Duration = Duration::from_secs(10);
/// What is kept of an error text.
const MAX_TEXT: usize = 400;
/// Where firewall commands are on systems whose services have a short PATH.
const PLACES: [&str; 4] = ["/usr/sbin", "/sbin", "/usr/local/sbin", "/usr/bin"];

/// A command by its name or path.
#[derive(Clone, Debug)]
pub struct Tool {
    path: PathBuf,
    limit: Duration,
}

impl Tool {
    /// The command of this name, wherever the system keeps it; it need not exist.
    #[must_use]
    pub fn named(name: &str) -> Self {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let found = std::env::split_paths(&path)
            .chain(PLACES.iter().map(PathBuf::from))
            .map(|place| place.join(name))
            .find(|path| path.is_file());
        Tool {
            path: found.unwrap_or_else(|| PathBuf::from(name)),
            limit: LIMIT,
        }
    }

    /// The command at this path.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        Tool {
            path: path.into(),
            limit: LIMIT,
        }
    }

    /// The same, given up after another time.
    #[must_use]
    pub fn within(self, limit: Duration) -> Self {
        Tool { limit, ..self }
    }

    /// Whether the file is there.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.path.is_file()
    }

    /// The command's name.
    #[must_use]
    pub fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// Runs it with `input` on its standard input; its standard output where it succeeded.
    pub fn run(&self, arguments: &[&str], input: &str) -> Result<String, FirewallError> {
        let output = self.output(arguments, input)?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(self.refusal(&String::from_utf8_lossy(&output.stderr)))
        }
    }

    /// Runs it and hands back what it said, whatever its exit status.
    pub fn output(&self, arguments: &[&str], input: &str) -> Result<Output, FirewallError> {
        let mut child = Command::new(&self.path)
            .args(arguments)
            .env("LC_ALL", "C")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| self.not_started(&error))?;
        let pid = child.id();
        let (sender, receiver) = mpsc::channel();
        let input = input.to_owned();
        // The child was started by this thread and so is in its namespace; only the waiting, which
        // must be given up after a while, is another's.
        thread::spawn(move || {
            if let Some(mut stdin) = child.stdin.take() {
                // A command that ends early says why on its standard error.
                let _ = stdin.write_all(input.as_bytes());
            }
            let _ = sender.send(child.wait_with_output());
        });
        match receiver.recv_timeout(self.limit) {
            Ok(Ok(output)) => Ok(output),
            Ok(Err(error)) => Err(self.not_started(&error)),
            Err(_) => {
                if let Some(pid) = i32::try_from(pid)
                    .ok()
                    .and_then(rustix::process::Pid::from_raw)
                {
                    // It may have ended by itself at this very moment.
                    let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
                }
                Err(FirewallError::TimedOut {
                    tool: self.name(),
                    secs: self.limit.as_secs(),
                })
            }
        }
    }

    fn not_started(&self, error: &io::Error) -> FirewallError {
        match error.kind() {
            io::ErrorKind::NotFound => FirewallError::ToolMissing(self.name()),
            io::ErrorKind::PermissionDenied => FirewallError::NotPermitted {
                tool: self.name(),
                text: error.to_string(),
            },
            _ => FirewallError::Refused {
                tool: self.name(),
                text: error.to_string(),
            },
        }
    }

    /// What an error text of nft, iptables, ipset or conntrack means.
    fn refusal(&self, stderr: &str) -> FirewallError {
        let text: String = stderr
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect::<Vec<_>>()
            .join("; ")
            .chars()
            .take(MAX_TEXT)
            .collect();
        let says = |part: &str| stderr.contains(part);
        if says("not permitted") || says("Permission denied") || says("you must be root") {
            FirewallError::NotPermitted {
                tool: self.name(),
                text,
            }
        } else if says("Too many open files") || says("No space left") || says("is full") {
            FirewallError::SetFull(text)
        } else if says("File exists") || says("already added") || says("already exists") {
            FirewallError::Exists(text)
        } else if says("No such file")
            || says("does not exist")
            || says("No chain/target")
            || says("not added")
        {
            FirewallError::Gone(text)
        } else {
            FirewallError::Refused {
                tool: self.name(),
                text,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_gets_its_input_and_gives_its_output() {
        assert_eq!(Tool::named("cat").run(&[], "hello").unwrap(), "hello");
    }

    #[test]
    fn a_command_that_is_gone_is_told() {
        let error = Tool::at(Path::new("/nowhere/nft")).run(&[], "");
        assert_eq!(error, Err(FirewallError::ToolMissing("nft".into())));
    }

    #[test]
    fn error_texts_are_understood() {
        let check = |text: &str, expected: &str| {
            let error = Tool::named("nft").refusal(text);
            assert!(format!("{error:?}").starts_with(expected), "{error:?}");
        };
        check("Error: Could not process rule: File exists\n", "Exists");
        check(
            "Error: Could not process rule: Too many open files in system",
            "SetFull",
        );
        check("Hash is full, cannot add more elements", "SetFull");
        check(
            "netlink: Error: cache initialization failed: Operation not permitted",
            "NotPermitted",
        );
        check("Error: No such file or directory; did you mean", "Gone");
        check(
            "ipset v7.17: The set with the given name does not exist",
            "Gone",
        );
        check(
            "ipset v7.17: Element cannot be added to the set: it's already added",
            "Exists",
        );
        check("Error: syntax error", "Refused");
    }
}
