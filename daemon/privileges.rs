//! Becoming somebody who may do less, and names of users.

use nix::sys::prctl::set_dumpable;
use nix::unistd::{
    Gid, Group, Uid, User, geteuid, getresgid, getresuid, setgroups, setresgid, setresuid,
};

type Failed = Box<dyn std::error::Error>;

/// Becomes this user for good: groups first, which needs the user that is
/// left; then it is looked at whether it worked.
pub fn drop_to(user: Option<&str>, group: Option<&str>) -> Result<(), Failed> {
    let Some(name) = user else { return Ok(()) };
    let user = find(name)?;
    let gid = match group {
        Some(name) => Gid::from_raw(gid_of(name)?),
        None => user.gid,
    };
    let uid = user.uid;
    setgroups(&[gid]).map_err(|error| format!("cannot become {name}: {error}"))?;
    setresgid(gid, gid, gid)?;
    setresuid(uid, uid, uid)?;
    let (users, groups) = (getresuid()?, getresgid()?);
    let all = [users.real, users.effective, users.saved];
    let groups = [groups.real, groups.effective, groups.saved];
    let back = !uid.is_root() && setresuid(Uid::from_raw(0), uid, uid).is_ok();
    if all != [uid; 3] || groups != [gid; 3] || back {
        return Err(format!("could not become {name} for good").into());
    }
    Ok(())
}

/// No other process of the same user may look into this one, and no core dump
/// is written: the keys are in its memory.
pub fn keep_memory_private() -> Result<(), Failed> {
    set_dumpable(false)?;
    Ok(())
}

/// Who runs this process.
pub fn own_uid() -> u32 {
    geteuid().as_raw()
}

pub fn uid_of(name: &str) -> Result<u32, Failed> {
    match name.parse() {
        Ok(number) => Ok(number),
        Err(_) => Ok(find(name)?.uid.as_raw()),
    }
}

pub fn gid_of(name: &str) -> Result<u32, Failed> {
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    let group = Group::from_name(name)?.ok_or_else(|| format!("there is no group '{name}'"))?;
    Ok(group.gid.as_raw())
}

fn find(name: &str) -> Result<User, Failed> {
    let user = match name.parse() {
        Ok(number) => User::from_uid(Uid::from_raw(number))?,
        Err(_) => User::from_name(name)?,
    };
    Ok(user.ok_or_else(|| format!("there is no user '{name}'"))?)
}
