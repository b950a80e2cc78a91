//! Names and numbers of users and groups, by `/etc/passwd` and `/etc/group` of a tree.
//!
//! COPY and WORKDIR take an unknown name for root; RUN refuses it. So there are two ways in: [`for_files`] and
//! [`for_process`].

use crate::error::Cause;

/// The files that names are looked up in; `None` for a file that is not there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Accounts {
    /// `/etc/passwd`
    pub(crate) passwd: Option<Vec<u8>>,
    /// `/etc/group`
    pub(crate) group: Option<Vec<u8>>,
}

/// An owner of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owner {
    /// User id.
    pub(crate) uid: u32,
    /// Group id.
    pub(crate) gid: u32,
}

/// Whom a process runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    /// User and group.
    pub(crate) owner: Owner,
    /// Supplementary groups.
    pub(crate) groups: Vec<u32>,
    /// What HOME is unless ENV says otherwise.
    pub(crate) home: String,
}

struct User<'a> {
    name: &'a [u8],
    uid: u32,
    gid: u32,
    home: &'a [u8],
}

/// Whether an owner has a name in it, so that a tree is needed to understand it.
pub(crate) fn has_name(text: &str) -> bool {
    let (user, group) = split(text);
    number(user).is_none() || group.is_some_and(|group| number(group).is_none())
}

/// The owner that `--chown` or a WORKDIR behind USER means. A number alone is the group, too; an unknown name is root.
pub(crate) fn for_files(text: &str, accounts: &Accounts) -> Owner {
    let (user, group) = split(text);
    let mut owner = match number(user) {
        Some(uid) => Owner { uid, gid: uid },
        None => users(accounts)
            .find(|known| known.name == user.as_bytes())
            .map_or(Owner { uid: 0, gid: 0 }, |known| Owner { uid: known.uid, gid: known.gid }),
    };
    if let Some(group) = group {
        match number(group) {
            Some(gid) => owner.gid = gid,
            None => {
                if let Some((gid, _)) = find_group(accounts, group) {
                    owner.gid = gid;
                }
            }
        }
    }
    owner
}

/// Whom USER means for a RUN.
///
/// # Errors
/// A name is not known.
pub(crate) fn for_process(text: &str, accounts: &Accounts) -> Result<Process, Cause> {
    let (user, group) = split(text);
    let user = if user.is_empty() { "0" } else { user };
    // A number is never looked for among the names.
    let known = users(accounts).find(|known| match number(user) {
        Some(uid) => known.uid == uid,
        None => known.name == user.as_bytes(),
    });
    let uid = match (&known, number(user)) {
        (Some(known), _) => known.uid,
        (None, Some(uid)) => uid,
        (None, None) => {
            let message = format!("unable to find user {user}: no matching entries in passwd file");
            return Err(Cause::User { message, span: None });
        }
    };
    let home = known.as_ref().map_or(&b"/"[..], |known| known.home);
    let home =
        if home.is_empty() { "/".into() } else { String::from_utf8_lossy(home).into_owned() };
    let mut owner = Owner { uid, gid: known.as_ref().map_or(0, |known| known.gid) };
    let groups = match group {
        None => member_of(accounts, known.as_ref().map(|known| known.name)),
        Some(group) => {
            owner.gid = match (find_group(accounts, group), number(group)) {
                (Some((gid, _)), _) => gid,
                (None, Some(gid)) => gid,
                (None, None) => {
                    let message =
                        format!("unable to find group {group}: no matching entries in group file");
                    return Err(Cause::User { message, span: None });
                }
            };
            Vec::new()
        }
    };
    let mut all: Vec<u32> = groups;
    if !all.contains(&owner.gid) {
        all.push(owner.gid);
    }
    Ok(Process { owner, groups: all, home })
}

fn split(text: &str) -> (&str, Option<&str>) {
    match text.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (text, None),
    }
}

/// A number as BuildKit takes it: 31 bits; a larger one is a name.
fn number(text: &str) -> Option<u32> {
    text.parse::<i32>().ok().and_then(|number| u32::try_from(number).ok())
}

fn lines(file: Option<&Vec<u8>>) -> impl Iterator<Item = Vec<&[u8]>> {
    file.map(Vec::as_slice)
        .unwrap_or_default()
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii)
        .filter(|line| !line.is_empty() && !line.starts_with(b"#"))
        .map(|line| line.split(|byte| *byte == b':').collect())
}

fn field_number(field: Option<&&[u8]>) -> u32 {
    field.and_then(|field| std::str::from_utf8(field).ok()?.parse().ok()).unwrap_or(0)
}

fn users(accounts: &Accounts) -> impl Iterator<Item = User<'_>> {
    lines(accounts.passwd.as_ref()).map(|fields| User {
        name: fields[0],
        uid: field_number(fields.get(2)),
        gid: field_number(fields.get(3)),
        home: fields.get(5).copied().unwrap_or_default(),
    })
}

fn find_group<'a>(accounts: &'a Accounts, name: &str) -> Option<(u32, Vec<&'a [u8]>)> {
    lines(accounts.group.as_ref()).find_map(|fields| {
        let gid = field_number(fields.get(2));
        let same = match number(name) {
            Some(wanted) => gid == wanted,
            None => fields[0] == name.as_bytes(),
        };
        same.then(|| (gid, members(&fields)))
    })
}

fn members<'a>(fields: &[&'a [u8]]) -> Vec<&'a [u8]> {
    fields.get(3).map(|list| list.split(|byte| *byte == b',').collect()).unwrap_or_default()
}

fn member_of(accounts: &Accounts, user: Option<&[u8]>) -> Vec<u32> {
    let Some(user) = user else { return Vec::new() };
    lines(accounts.group.as_ref())
        .filter(|fields| members(fields).contains(&user))
        .map(|fields| field_number(fields.get(2)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accounts() -> Accounts {
        Accounts {
            passwd: Some(
                b"root:x:0:0:root:/root:/bin/sh\n# no user\napp:x:1000:1000::/home/app:/bin/sh\nhomeless:x:7:8\n"
                    .to_vec(),
            ),
            group: Some(b"root:x:0:\nstaff:x:50:x,app\napp:x:1000:\n".to_vec()),
        }
    }

    fn files(text: &str) -> (u32, u32) {
        let owner = for_files(text, &accounts());
        (owner.uid, owner.gid)
    }

    #[test]
    fn files_get_root_for_unknown_names() {
        assert_eq!(files("app"), (1000, 1000));
        assert_eq!(files("app:staff"), (1000, 50));
        assert_eq!(files("4242"), (4242, 4242));
        assert_eq!(files("12:34"), (12, 34));
        assert_eq!(files("nosuch"), (0, 0));
        assert_eq!(files("app:nosuch"), (1000, 1000));
        assert_eq!(files("nosuch:staff"), (0, 50));
        assert_eq!(files("3000000000:5"), (0, 5));
        assert_eq!(for_files("app", &Accounts::default()), Owner { uid: 0, gid: 0 });
        assert!(has_name("app") && has_name("1:staff") && !has_name("1") && !has_name("1:2"));
    }

    fn process(text: &str) -> (u32, u32, Vec<u32>, String) {
        let process = for_process(text, &accounts()).unwrap();
        (process.owner.uid, process.owner.gid, process.groups, process.home)
    }

    #[test]
    fn a_number_is_no_name() {
        let accounts = Accounts {
            passwd: Some(b"1234:x:4321:4321::/other:/bin/sh\n".to_vec()),
            group: Some(b"77:x:78:\n".to_vec()),
        };
        let process = for_process("1234:77", &accounts).unwrap();
        assert_eq!(process.owner, Owner { uid: 1234, gid: 77 });
        assert_eq!(process.home, "/");
    }

    #[test]
    fn processes_get_groups_and_home() {
        assert_eq!(process("app"), (1000, 1000, vec![50, 1000], "/home/app".into()));
        assert_eq!(process("1000"), (1000, 1000, vec![50, 1000], "/home/app".into()));
        assert_eq!(process("1000:50"), (1000, 50, vec![50], "/home/app".into()));
        assert_eq!(process("4242"), (4242, 0, vec![0], "/".into()));
        assert_eq!(process("app:staff"), (1000, 50, vec![50], "/home/app".into()));
        assert_eq!(process(""), (0, 0, vec![0], "/root".into()));
        assert_eq!(process("homeless"), (7, 8, vec![8], "/".into()));
        assert!(for_process("nosuch", &accounts()).unwrap_err().to_string().contains("nosuch"));
        assert!(for_process("app:nosuch", &accounts()).is_err());
    }
}
