//! The SIDs of an account, asked of winbind through `wbinfo`: `ntlm_auth` says
//! nothing of groups.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::accounts::AccountName;
use crate::authorization::Authorization;
use crate::sid::Sid;

/// More than a token of Windows' holds (1024), and a line each.
const MAX_LINES: usize = 4096;
const MAX_OUTPUT: u64 = 1 << 20;

/// `wbinfo`, and what stands before its own arguments.
#[derive(Clone, Debug)]
pub(super) struct Wbinfo {
    pub(super) program: OsString,
    pub(super) arguments: Vec<OsString>,
}

impl Wbinfo {
    /// The account's SID, then those of all groups that it is in, nested ones
    /// included. Two processes, one after the other.
    pub(super) fn ask(
        &self,
        account: &AccountName,
        timeout: Duration,
    ) -> Result<Authorization, String> {
        let name = plain(account)?;
        let found = self.run(&format!("--name-to-sid={name}"), timeout)?;
        let user = found.first().and_then(|line| user(line));
        let user = user.ok_or("wbinfo has no user of the client's name")?;
        let all = self.run(&format!("--user-sids={user}"), timeout)?;
        let sids: Result<Vec<Sid>, _> = all.iter().map(|line| line.parse()).collect();
        let sids = sids.map_err(|_| "wbinfo says what is no SID")?;
        // It lists the account itself too.
        if sids.len() >= MAX_LINES || !sids.contains(&user) {
            return Err("wbinfo's list of groups is not whole".into());
        }
        let groups = sids.into_iter().filter(|sid| *sid != user);
        Ok(Authorization::of_account(account.clone(), user, groups))
    }

    /// The lines that it says, if it ends well and in time.
    fn run(&self, argument: &str, timeout: Duration) -> Result<Vec<String>, String> {
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .arg(argument)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("wbinfo does not start: {error}"))?;
        let output = child.stdout.take();
        let (sender, receiver) = mpsc::sync_channel(1);
        // Its own thread, so that waiting can end.
        let reader = thread::Builder::new().name("wbinfo".into());
        let started = reader.spawn(move || {
            let output = output.into_iter().flat_map(|output| {
                let lines = BufReader::new(output.take(MAX_OUTPUT)).lines();
                lines.map_while(Result::ok).take(MAX_LINES)
            });
            // Whoever waited has gone.
            let _ = sender.send(output.collect());
        });
        let lines = started
            .map_err(|error| error.to_string())
            .and_then(|_| receiver.recv_timeout(timeout).map_err(|_| too_long()));
        if lines.is_err() {
            let _ = child.kill();
        }
        let status = child.wait().map_err(|error| error.to_string())?;
        let lines = lines?;
        if status.success() {
            Ok(lines)
        } else {
            Err("wbinfo does not find the account".into())
        }
    }
}

fn too_long() -> String {
    "wbinfo takes too long".into()
}

/// `DOMAIN\user` for `wbinfo`. A name that could be read in another way than
/// the domain controller did at the logon is none: a user principal name may
/// be one account's, and the same letters another's.
fn plain(account: &AccountName) -> Result<String, String> {
    let AccountName { user, domain } = account;
    let odd = |text: &str| {
        text.is_empty() || text.contains(|c: char| c.is_control() || "\\/@+".contains(c))
    };
    if odd(user) || odd(domain) {
        return Err("no groups are looked up for a name that is not DOMAIN\\user".into());
    }
    Ok(format!("{domain}\\{user}"))
}

/// `S-1-5-21-... SID_USER (1)`.
fn user(line: &str) -> Option<Sid> {
    let (sid, kind) = line.split_once(' ')?;
    (kind == "SID_USER (1)").then(|| sid.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::{Wbinfo, plain};
    use crate::accounts::AccountName;
    use std::time::Duration;

    fn account(domain: &str, user: &str) -> AccountName {
        AccountName {
            user: user.into(),
            domain: domain.into(),
        }
    }

    /// A shell in place of wbinfo, which says what wbinfo 4.17 does.
    fn ask(script: &str, timeout: u64) -> Result<(String, Vec<String>), String> {
        let wbinfo = Wbinfo {
            program: "/bin/sh".into(),
            arguments: vec!["-c".into(), script.into(), "wbinfo".into()],
        };
        let asked = wbinfo.ask(&account("AD", "alice"), Duration::from_millis(timeout));
        asked.map(|all| {
            let groups = all.groups.iter().map(|group| group.sid.to_string());
            (all.user.unwrap().to_string(), groups.collect())
        })
    }

    const USER: &str = "S-1-5-21-1-2-3-1103";

    #[test]
    fn the_account_and_its_groups() {
        let script = r"case $1 in
            '--name-to-sid=AD\alice') echo 'S-1-5-21-1-2-3-1103 SID_USER (1)';;
            --user-sids=S-1-5-21-1-2-3-1103) printf 'S-1-5-21-1-2-3-%s\n' 1103 513 1113;;
            *) exit 1;; esac";
        let (user, groups) = ask(script, 10_000).unwrap();
        assert_eq!(user, USER);
        assert_eq!(groups, ["S-1-5-21-1-2-3-513", "S-1-5-21-1-2-3-1113"]);
    }

    #[test]
    fn anything_else_is_none() {
        let named = "case $1 in --name*) echo 'S-1-5-21-1-2-3-1103 SID_USER (1)'; exit;; esac;";
        for script in [
            "exit 1",
            "echo 'S-1-5-21-1-2-3-1103 SID_DOM_GROUP (2)'",
            "echo S-1-5-21-1-2-3-1103",
            &format!("{named} exit 1"),
            &format!("{named} echo S-1-5-21-1-2-3-513"),
            &format!("{named} echo S-1-5-21-1-2-3-1103; echo S-1-x"),
            &format!("{named} echo S-1-5-21-1-2-3-1103; exit 1"),
            &format!("{named} yes S-1-5-21-1-2-3-1103"),
        ] {
            assert!(ask(script, 10_000).is_err(), "{script}");
        }
        assert!(ask("sleep 60", 50).unwrap_err().contains("too long"));
    }

    #[test]
    fn a_name_that_could_be_another_s_is_not_asked_for() {
        assert_eq!(plain(&account("AD", "alice")).unwrap(), "AD\\alice");
        for (domain, user) in [
            ("", "alice"),
            ("AD", ""),
            ("AD", "alice@ad.test"),
            ("AD", "B\\alice"),
            ("A\\B", "alice"),
            ("AD", "a\nb"),
        ] {
            assert!(plain(&account(domain, user)).is_err(), "{domain} {user}");
        }
    }
}
