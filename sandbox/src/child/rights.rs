//! Giving up what the command is not to have.

use rustix::fs::{Gid, Uid};
use rustix::io::Errno;
use rustix::process::{Signal, set_parent_process_death_signal};
use rustix::thread::{self, CapabilitySet, CapabilitySets};

use super::Done;

/// Takes capabilities out of the bounding set: a set bit stays.
pub(super) fn bound_capabilities(keep: u64) -> Done {
    for number in 0..64 {
        let bit = CapabilitySet::from_bits_retain(1 << number);
        if keep & (1 << number) != 0 {
            continue;
        }
        match thread::remove_capability_from_bounding_set(bit) {
            // The first number that the kernel does not know.
            Err(Errno::INVAL) => break,
            other => other?,
        }
    }
    Ok(())
}

/// Reduces the permitted and effective capabilities, and empties the others: a set bit stays.
pub(super) fn keep_capabilities(keep: u64) -> Done {
    thread::clear_ambient_capability_set()?;
    let now = thread::capabilities(None)?;
    let keep = CapabilitySet::from_bits_retain(keep);
    let permitted = now.permitted & keep;
    let sets = CapabilitySets {
        effective: now.effective & keep,
        permitted,
        inheritable: CapabilitySet::empty(),
    };
    thread::set_capabilities(None, sets)
}

/// Changes groups, group and user.
pub(super) fn become_user(groups: &[Gid], gid: u32, uid: u32) -> Done {
    thread::set_thread_groups(groups)?;
    let (gid, uid) = (Gid::from_raw(gid), Uid::from_raw(uid));
    thread::set_thread_res_gid(gid, gid, gid)?;
    thread::set_thread_res_uid(uid, uid, uid)
}

/// The process is killed when the thread that made it ends.
pub(super) fn die_with_parent() -> Done {
    set_parent_process_death_signal(Some(Signal::KILL))
}
