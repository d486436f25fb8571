//! The pool with helpers of our own, which misbehave as real ones may.

use super::{Winbind, WinbindOptions};
use crate::accounts::{AccountAnswer, AccountSource, Logon};
use crate::error::LogonProblem;
use std::time::{Duration, Instant};

/// A helper that a shell plays: `$n` counts the requests.
fn shell(script: &str) -> WinbindOptions {
    let script = format!(
        "n=0; while read -r line; do if [ \"$line\" = . ]; then n=$((n+1)); {script}; fi; done"
    );
    Winbind::options()
        .program("/bin/sh")
        .argument("-c")
        .argument(script)
}

const YES: &str =
    "echo Authenticated: Yes; echo User-Session-Key: 11111111111111111111111111111111; echo .";

fn ask(source: &Winbind, user: &str) -> AccountAnswer {
    let logon = Logon::new(user, "", "").response([1; 8], b"nt");
    source.look_up(&logon).wait()
}

fn verified(answer: &AccountAnswer) -> bool {
    matches!(answer, AccountAnswer::Verified { .. })
}

#[test]
fn answers_come_in_order_even_after_a_second_end() {
    // A refusal that is ended twice, then a success.
    let script = format!(
        "if [ $n = 1 ]; then echo Authenticated: No; echo Authentication-Error: NT_STATUS_WRONG_PASSWORD; echo .; echo .; else {YES}; fi"
    );
    let source = shell(&script).helpers(1).domain("ad").start().unwrap();
    let first = ask(&source, "alice");
    assert!(matches!(
        first,
        AccountAnswer::Refused(LogonProblem::WrongPassword)
    ));
    for _ in 0..3 {
        match ask(&source, "ALICE") {
            AccountAnswer::Verified { name, .. } => {
                assert_eq!((&*name.user, &*name.domain), ("alice", "AD"));
            }
            other => panic!("{other:?}"),
        }
    }
}

/// What the client writes becomes nobody else's name by the way it is spelled.
#[test]
fn letters_of_other_names_stay_what_they_are() {
    let source = shell(YES).helpers(1).domain("ad").start().unwrap();
    for (user, domain, due) in [
        ("Alice", "ad", ("alice", "AD")),
        ("ΑΣ", "ÄD", ("ασ", "ÄD")),
        ("ας", "äd", ("ασ", "ÄD")),
        // The Kelvin sign; a dotted I; a long, a dotless and a sharp letter.
        ("\u{212A}ate", "", ("\u{212A}ate", "AD")),
        ("\u{130}da", "\u{17F}ales", ("\u{130}da", "\u{17F}ALES")),
        ("bob", "straße", ("bob", "STRAßE")),
        ("bob", "f\u{131}n", ("bob", "F\u{131}N")),
    ] {
        let logon = Logon::new(user, domain, "").response([1; 8], b"nt");
        match source.look_up(&logon).wait() {
            AccountAnswer::Verified { name, .. } => {
                assert_eq!((&*name.user, &*name.domain), due, "{domain}\\{user}");
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Samba's directory lets `alice` in as `alice ` too.
#[test]
fn spaces_make_no_second_name() {
    let source = shell(YES).helpers(1).domain("ad").start().unwrap();
    assert!(verified(&ask(&source, "al ice")));
    for (user, domain) in [
        ("alice ", ""),
        (" alice", "ad"),
        ("al  ice", "ad"),
        ("alice\u{a0}", "ad"),
        ("alice", "ad "),
        ("alice", " "),
    ] {
        let logon = Logon::new(user, domain, "").response([1; 8], b"nt");
        let answer = source.look_up(&logon).wait();
        assert!(
            matches!(answer, AccountAnswer::Refused(LogonProblem::UnknownUser)),
            "{domain}\\{user}: {answer:?}"
        );
    }
}

#[test]
fn a_helper_that_dies_is_replaced_and_nothing_is_lost() {
    // Each one answers twice and dies under the third request.
    let script = format!("if [ $n = 3 ]; then exit 1; else {YES}; fi");
    let source = shell(&script).helpers(2).start().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..10 {
                    assert!(verified(&ask(&source, "alice")));
                }
            });
        }
    });
}

#[test]
fn helpers_that_never_answer_let_nobody_in() {
    let unavailable = |options: WinbindOptions, text: &str| {
        let source = options.helpers(1).start().unwrap();
        match ask(&source, "alice") {
            AccountAnswer::Unavailable { text: said } => assert!(said.contains(text), "{said}"),
            other => panic!("{other:?}"),
        }
    };
    unavailable(shell("exit 0"), "without an answer");
    unavailable(
        shell("echo Authenticated: Yes; exit 0"),
        "without an answer",
    );
    unavailable(shell("yes"), "without an answer");
    unavailable(
        shell("echo; echo .").timeout(Duration::from_secs(60)),
        "no answer",
    );
    let start = Instant::now();
    let slow = shell("exec sleep 60").timeout(Duration::from_millis(200));
    unavailable(slow, "too long");
    assert!(start.elapsed() < Duration::from_secs(20));
}

/// A request that is longer than a pipe holds, to a helper that reads none of
/// it: nobody is let in, and nobody waits for ever.
#[test]
fn a_helper_that_does_not_read_holds_nobody_up() {
    let deaf = Winbind::options().program("/bin/sh").argument("-c");
    let deaf = deaf.argument("exec sleep 60").helpers(1);
    let source = deaf.timeout(Duration::from_millis(200)).start().unwrap();
    let start = Instant::now();
    let logon = Logon::new("alice", "", "").response([1; 8], &[7; 100_000]);
    // Twice: the first one's helper is gone, and so is what was not written.
    for _ in 0..2 {
        match source.look_up(&logon).wait() {
            AccountAnswer::Unavailable { text } => assert!(text.contains("too long"), "{text}"),
            other => panic!("{other:?}"),
        }
    }
    assert!(start.elapsed() < Duration::from_secs(20));
    // One that reads takes it whole.
    let source = shell(YES).helpers(1).start().unwrap();
    assert!(verified(&source.look_up(&logon).wait()));
}

/// A helper that says more than it was asked for answers nobody's logon with
/// it: the first one of each process is what counts.
#[test]
fn a_helper_out_of_step_is_not_asked_again() {
    let no = "echo Authenticated: No; echo Authentication-Error: NT_STATUS_WRONG_PASSWORD; echo .";
    for extra in [YES, "echo Authenticated: Yes", "echo noise"] {
        // In one piece: what was not asked for is there with the answer.
        let script = format!("all=$({no}; {extra}); printf '%s\\n' \"$all\"");
        let source = shell(&script).helpers(1).start().unwrap();
        for _ in 0..3 {
            let answer = ask(&source, "alice");
            let wrong = matches!(answer, AccountAnswer::Refused(LogonProblem::WrongPassword));
            assert!(wrong, "{extra}: {answer:?}");
        }
    }
    let source = shell(&format!("echo Error: what; echo .; {YES}")).helpers(1);
    let source = source.start().unwrap();
    for _ in 0..3 {
        let answer = ask(&source, "alice");
        assert!(
            matches!(answer, AccountAnswer::Unavailable { .. }),
            "{answer:?}"
        );
    }
}

#[test]
fn what_waits_is_bounded() {
    let source = shell(&format!("sleep 1; {YES}")).helpers(1).queue(1);
    let source = source.start().unwrap();
    let logon = Logon::new("alice", "", "").response([1; 8], b"nt");
    let replies: Vec<_> = (0..8).map(|_| source.look_up(&logon)).collect();
    let answers: Vec<_> = replies.into_iter().map(crate::Reply::wait).collect();
    let good = answers.iter().filter(|answer| verified(answer)).count();
    // One at work, one that waits; more where the machine stands still between two questions.
    assert!((1..8).contains(&good), "{answers:?}");
    let full = |answer: &&AccountAnswer| matches!(answer, AccountAnswer::Unavailable { text } if text.contains("too many"));
    assert_eq!(answers.iter().filter(full).count(), 8 - good);
}

#[test]
fn names_that_cannot_be_are_not_asked_for() {
    let source = shell(YES).helpers(1).start().unwrap();
    for user in ["", "alice\0", "alice\nUsername: root", "a\u{85}b"] {
        let answer = ask(&source, user);
        let unknown = matches!(answer, AccountAnswer::Refused(LogonProblem::UnknownUser));
        assert!(unknown, "{user:?}: {answer:?}");
    }
}

/// S-1-5-32, the aliases of every machine, is no directory that could be out of
/// reach.
#[test]
fn nobody_has_an_account_in_builtin() {
    let source = shell(YES).helpers(1).start().unwrap();
    for domain in ["BUILTIN", "builtin", "Builtin"] {
        let logon = Logon::new("alice", domain, "").response([1; 8], b"nt");
        let answer = source.look_up(&logon).wait();
        let unknown = matches!(answer, AccountAnswer::Refused(LogonProblem::UnknownUser));
        assert!(unknown, "{domain}: {answer:?}");
    }
}

/// No search path says which program decides who comes in.
#[test]
fn the_program_has_an_absolute_path() {
    for program in ["ntlm_auth", "sh", "bin/sh", "./sh", ""] {
        let error = Winbind::options().program(program).start();
        let error = error.expect_err(program).to_string();
        assert!(error.contains("an absolute path"), "{error}");
    }
}

#[test]
fn what_cannot_start_says_so() {
    let missing = Winbind::options().program("/nonexistent/ntlm_auth").start();
    let error = missing.expect_err("missing").to_string();
    assert!(error.contains("ntlm_auth"), "{error}");
    assert!(shell(YES).helpers(0).start().is_err());
    assert!(shell(YES).timeout(Duration::ZERO).start().is_err());
}
