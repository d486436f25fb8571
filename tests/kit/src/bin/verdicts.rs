//! Prints every case, what is due, and what MIT and Heimdal make of it.

use kit::cases::{self, Expect};
use kit::judge::{Judge, Outcome};
use kit::world::World;
use std::time::{SystemTime, UNIX_EPOCH};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let verbose = std::env::args().any(|a| a == "--verbose");
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let world = World::new(now as i64, 1);
    let mut judges = [Judge::mit()?, Judge::heimdal()?];
    println!(
        "{:>4}  {:<46} {:<24} {:<9} {:<9}",
        "rule", "case", "due", "MIT", "Heimdal"
    );
    let all = cases::all();
    let (mut unlike, mut different) = (0, 0);
    for case in &all {
        let due = match case.expect {
            Expect::Reject(why) => why.to_string(),
            other => format!("{other:?}"),
        };
        let mut line = format!("{:>4}  {:<46} {due:<24}", case.rule, case.name);
        let mut texts = Vec::new();
        for judge in &mut judges {
            let keytab = judge.keytab("keytab", &world.keytab())?;
            let outcome = match case.judge(judge, &keytab, &world) {
                Ok((_, verdict)) => {
                    texts.push(verdict.text.clone());
                    verdict.outcome()
                }
                Err(e) => {
                    texts.push(e.to_string());
                    Outcome::Reject
                }
            };
            let mark = if outcome == case.recorded(judge.library()) {
                ' '
            } else {
                '!'
            };
            unlike += u32::from(mark == '!');
            line += &format!(" {:<9}", format!("{outcome:?}{mark}"));
        }
        different += u32::from(!case.explain.is_empty());
        println!("{} {}", line.trim_end(), case.explain);
        if verbose {
            texts
                .iter()
                .filter(|t| !t.is_empty())
                .for_each(|t| println!("        {t}"));
        }
    }
    println!(
        "{} cases, {different} differ from what is due, {unlike} from the record",
        all.len()
    );
    Ok(())
}
