//! Who are we, for an HTTP remote that asks? As git does it: the URL's own credentials, then `~/.netrc`, then
//! the user's credential helpers (by `git credential fill`, so that all of git's configuration counts).

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use base64::Engine;
use reqwest::header::HeaderValue;
use url::Url;

use super::GitError;
use super::guard::Guard;
use super::process;

/// Largest `.netrc` and largest answer of `git credential`, in bytes.
const MAX_BYTES: u64 = 64 << 10;

/// A name and a password or token. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) user: String,
    pub(super) password: String,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Account(***)")
    }
}

impl Account {
    /// `Basic …`
    pub(super) fn authorization(&self) -> Option<HeaderValue> {
        let plain = format!("{}:{}", self.user, self.password);
        let encoded = base64::engine::general_purpose::STANDARD.encode(plain);
        let mut value = HeaderValue::from_str(&format!("Basic {encoded}")).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// What is to be tried when a server asks for credentials.
#[derive(Clone)]
pub(super) struct Sources {
    /// User name from the URL.
    pub(super) user: Option<String>,
    /// Password from the URL.
    pub(super) password: Option<String>,
    /// The `.netrc` file.
    pub(super) netrc: Option<PathBuf>,
    /// The git program, for the credential helpers.
    pub(super) git: PathBuf,
}

/// What was found, or why nothing was (for [`GitError::Unauthorized`]).
pub(super) type Found = Result<Account, &'static str>;

impl Sources {
    /// Looks for credentials for `url`. `challenges` are the server's `WWW-Authenticate` values.
    pub(super) fn find(&self, guard: &Guard, url: &Url, challenges: &[String]) -> Result<Found, GitError> {
        if let Some(password) = &self.password {
            let user = self.user.clone().unwrap_or_default();
            return Ok(Ok(Account { user, password: password.clone() }));
        }
        let host = url.host_str().unwrap_or_default();
        if let Some(account) =
            self.netrc.as_deref().and_then(|path| from_netrc(path, host, self.user.as_deref()))
        {
            return Ok(Ok(account));
        }
        match self.ask_helpers(guard, url, challenges) {
            Ok(Some(account)) => Ok(Ok(account)),
            Ok(None) => Ok(Err(", and neither ~/.netrc nor a git credential helper has any")),
            Err(GitError::MissingProgram { .. }) => {
                Ok(Err(", and git is not installed, so that no credential helper could be asked"))
            }
            Err(error) => Err(error),
        }
    }

    fn ask_helpers(
        &self,
        guard: &Guard,
        url: &Url,
        challenges: &[String],
    ) -> Result<Option<Account>, GitError> {
        let mut command = process::git_command(&self.git);
        command.args(["credential", "fill"]);
        let host = url.host_str().unwrap_or_default();
        let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let mut question = vec![
            format!("protocol={}", url.scheme()),
            format!("host={host}"),
            format!("path={}", url.path().trim_start_matches('/')),
        ];
        question.extend(self.user.iter().map(|user| format!("username={user}")));
        question.extend(challenges.iter().map(|challenge| format!("wwwauth[]={challenge}")));
        // A line break in a value would be another attribute; headers and checked URLs have none.
        let question: String = question
            .iter()
            .filter(|line| !line.contains(char::is_control))
            .flat_map(|line| [line.as_str(), "\n"])
            .chain(["\n"])
            .collect();
        let time = guard.time_left().map_err(|_| guard.timeout())?;
        let answer = process::output(&guard.remote, command, &question, MAX_BYTES, time)?;
        Ok(answer.as_deref().and_then(parse_answer))
    }
}

fn parse_answer(answer: &str) -> Option<Account> {
    let value = |name: &str| {
        let found = answer.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        found.map(ToOwned::to_owned)
    };
    Some(Account { user: value("username")?, password: value("password")? })
}

fn from_netrc(path: &Path, host: &str, user: Option<&str>) -> Option<Account> {
    let mut text = String::new();
    std::fs::File::open(path).ok()?.take(MAX_BYTES).read_to_string(&mut text).ok()?;
    parse_netrc(&text, host, user)
}

/// The first fitting entry, `default` included, as curl reads the file.
fn parse_netrc(text: &str, host: &str, user: Option<&str>) -> Option<Account> {
    let mut tokens = netrc_tokens(text).into_iter().peekable();
    while let Some(token) = tokens.next() {
        let fits = match token.as_str() {
            "machine" => tokens.next()?.eq_ignore_ascii_case(host),
            "default" => true,
            _ => continue,
        };
        let (mut login, mut password) = (None, None);
        while let Some(field) = tokens.next_if(|token| token != "machine" && token != "default") {
            match field.as_str() {
                "login" => login = tokens.next(),
                "password" => password = tokens.next(),
                "account" => drop(tokens.next()),
                _ => {}
            }
        }
        if let (true, Some(login), Some(password)) = (fits, login, password)
            && user.is_none_or(|user| user == login)
        {
            return Some(Account { user: login, password });
        }
    }
    None
}

/// Words, perhaps in double quotes with backslashes; without comments and macro definitions.
fn netrc_tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut in_macro = false;
    for line in text.lines() {
        if in_macro {
            in_macro = !line.trim().is_empty();
            continue;
        }
        let mut chars = line.chars().peekable();
        loop {
            while chars.next_if(|c| c.is_whitespace()).is_some() {}
            let Some(first) = chars.peek().copied() else { break };
            if first == '#' {
                break;
            }
            let mut token = String::new();
            if first == '"' {
                chars.next();
                while let Some(c) = chars.next().filter(|c| *c != '"') {
                    token.push(if c == '\\' { chars.next().unwrap_or('\\') } else { c });
                }
            } else {
                while let Some(c) = chars.next_if(|c| !c.is_whitespace()) {
                    token.push(c);
                }
            }
            if token == "macdef" {
                in_macro = true;
                break;
            }
            tokens.push(token);
        }
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::{Account, parse_answer, parse_netrc};

    fn account(user: &str, password: &str) -> Account {
        Account { user: user.into(), password: password.into() }
    }

    #[test]
    fn netrc() {
        let text = "# mine\nmachine example.com login me password s3cret\n\
            macdef init\nmachine evil.com login x password y\n\n\
            machine two.example.com\n  login \"a b\"\n  password \"q\\\"uote\"\n  account x\n\
            machine two.example.com login other password pw\n\
            machine half.example.com login x\n\
            default login anonymous password guest\n";
        assert_eq!(parse_netrc(text, "example.com", None), Some(account("me", "s3cret")));
        assert_eq!(parse_netrc(text, "EXAMPLE.com", Some("me")), Some(account("me", "s3cret")));
        assert_eq!(parse_netrc(text, "two.example.com", None), Some(account("a b", "q\"uote")));
        assert_eq!(parse_netrc(text, "two.example.com", Some("other")), Some(account("other", "pw")));
        assert_eq!(parse_netrc(text, "evil.com", None), Some(account("anonymous", "guest")));
        assert_eq!(parse_netrc(text, "half.example.com", None), Some(account("anonymous", "guest")));
        assert_eq!(parse_netrc(text, "example.com", Some("nobody")), None);
        assert_eq!(parse_netrc("machine", "example.com", None), None);
        assert_eq!(parse_netrc("machine example.com login me", "example.com", None), None);
    }

    #[test]
    fn helper_answers() {
        assert_eq!(parse_answer("protocol=https\nusername=u\npassword=p=1\n"), Some(account("u", "p=1")));
        assert_eq!(parse_answer("username=u\n"), None);
    }

    #[test]
    fn accounts_are_not_printed() {
        let shown = format!("{:?}", account("alice", "s3cret"));
        assert!(!shown.contains("s3cret") && !shown.contains("alice"), "{shown}");
        let header = account("alice", "s3cret").authorization().expect("a header");
        assert_eq!(header, "Basic YWxpY2U6czNjcmV0");
        assert!(header.is_sensitive());
    }
}
