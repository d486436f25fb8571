//! Programs: curl, Chromium, and Samba's `ntlm_auth` against the example `http_server --ntlm`.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use gss_acceptor::accounts::NtHash;
use interop::ntlm::gss_ntlmssp;
use interop::process::{Folder, Server, packages, run};

const UNICODE: &str = "Pä$$wörd€";

/// A folder of this test's, gone when it is dropped.
pub struct Place(pub PathBuf, Folder);

impl Place {
    pub fn new(name: &str) -> Self {
        let folder = Folder::new(name);
        Self(folder.path().to_owned(), folder)
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        self.1.write(name, text)
    }
}

pub fn hex(password: &str) -> String {
    let hash = NtHash::from_password(password);
    hash.expose().iter().map(|b| format!("{b:02x}")).collect()
}

/// The example, with accounts, and a Kerberos realm that nobody here has tickets of.
fn server(place: &Place) -> Server {
    let (usual, unicode, empty) = (hex("Password"), hex(UNICODE), hex(""));
    let accounts = format!(
        "# accounts\nalice:{usual}\nCORP\\bob:{usual}\njürgen:{unicode}\nempty:{empty}\n\
         gone:{usual}:disabled\n"
    );
    let path = place.write("accounts", &accounts);
    let arguments = ["--ntlm", path.to_str().expect("UTF-8")];
    Server::start("http_server", &arguments, place.0.join("log"))
}

fn url(server: &Server) -> String {
    format!("http://localhost:{}/", server.address.port())
}

/// Status and body of a request of curl's.
fn curl(command: &mut Command) -> (String, String) {
    packages(&["curl"]);
    let output = run(command.args(["-sS", "--max-time", "120", "-w", "\n%{http_code}"]));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (body, status) = text.rsplit_once('\n').expect("a status");
    (status.to_owned(), body.to_owned())
}

#[test]
fn curls_own_ntlm() {
    let place = Place::new("curl");
    let server = server(&place);
    for (user, who) in [
        ("alice:Password", Some("alice")),
        ("CORP\\bob:Password", Some("CORP\\bob")),
        ("CORP/bob:Password", Some("CORP\\bob")),
        ("bob@CORP:Password", Some("CORP\\bob")),
        ("ELSEWHERE\\alice:Password", Some("alice")),
        ("empty:", Some("empty")),
        ("alice:password", None),
        ("alice:", None),
        ("nobody:Password", None),
        ("gone:Password", None),
        ("ELSEWHERE\\bob:Password", None),
        // curl's own NTLM has OEM characters alone, whose code page nothing tells.
        (concat!("jürgen:", "Pä$$wörd€"), None),
    ] {
        let (status, body) = curl(Command::new("curl").args(["--ntlm", "-u", user, &url(&server)]));
        match who {
            Some(who) => {
                assert_eq!(status, "200", "{user}: {}", server.log());
                assert!(body.starts_with(&format!("You are {who}.")), "{body}");
            }
            // Names that are no text are a broken message, and not somebody unknown.
            None if !user.is_ascii() => assert_eq!(status, "400", "{user}: {body}"),
            None => assert_eq!(status, "401", "{user}: {body}"),
        }
    }
    // The log tells apart what the client is not told.
    for said in [
        "'alice': wrong password",
        "'nobody': no such account",
        "'gone': the account is disabled",
    ] {
        server.says(said);
    }
}

#[test]
fn curl_negotiates_with_gss_ntlmssp() {
    let place = Place::new("negotiate");
    let server = server(&place);
    for (line, who) in [
        ("CORP:bob:Password", Some("CORP\\bob")),
        ("X:jürgen:Pä$$wörd€", Some("jürgen")),
        (":bob@CORP:Password", Some("CORP\\bob")),
        ("X:empty:", Some("empty")),
        ("X:alice:password", None),
        ("X:alice:", None),
        ("X:nobody:Password", None),
    ] {
        let file = place.write("users", line);
        let (status, body) = curl(
            Command::new("curl")
                .args(["--negotiate", "-u", ":", &url(&server)])
                .envs(gss_ntlmssp())
                .env("NTLM_USER_FILE", file)
                .env("KRB5CCNAME", "MEMORY:none"),
        );
        match who {
            Some(who) => {
                assert_eq!(status, "200", "{line}: {}", server.log());
                assert!(body.starts_with(&format!("You are {who}.")), "{body}");
                assert!(body.contains("framing      SPNEGO"), "{body}");
            }
            None => assert_eq!(status, "401", "{line}: {body}"),
        }
    }
}

#[test]
fn chromium_with_a_password_in_the_url() {
    packages(&["chromium"]);
    let place = Place::new("chromium");
    let server = server(&place);
    for (user, who) in [
        ("alice:Password", Some("alice")),
        ("CORP%5Cbob:Password", Some("CORP\\bob")),
        ("bob%40CORP:Password", Some("CORP\\bob")),
        ("empty:", Some("empty")),
        (
            "j%C3%BCrgen:P%C3%A4%24%24w%C3%B6rd%E2%82%AC",
            Some("jürgen"),
        ),
        ("alice:password", None),
        ("nobody:Password", None),
    ] {
        let profile = place.0.join("profile");
        let url = url(&server).replace("http://", &format!("http://{user}@"));
        let output = Command::new("chromium")
            .args([
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--dump-dom",
            ])
            .args(["--auth-schemes=ntlm", "--timeout=60000"])
            .arg(format!("--user-data-dir={}", profile.display()))
            .arg(url)
            .stderr(Stdio::null())
            .output()
            .expect("chromium");
        let page = String::from_utf8_lossy(&output.stdout).into_owned();
        match who {
            Some(who) => {
                let came = page.contains("Authenticated") && page.contains(who);
                assert!(came, "{user}: {page}\n{}", server.log());
            }
            None => assert!(!page.contains("Authenticated"), "{user}: {page}"),
        }
        let _ = std::fs::remove_dir_all(profile);
    }
}

/// Base64 as `ntlm_auth` writes it goes into an HTTP header as it is.
#[test]
fn sambas_ntlm_auth() {
    packages(&["winbind"]);
    let place = Place::new("ntlm_auth");
    let server = server(&place);
    let config = place.write(
        "smb.conf",
        "[global]\nworkgroup = CORP\nnetbios name = LAPTOP\n",
    );
    for (user, password, good) in [
        ("alice", "Password", true),
        ("CORP\\bob", "Password", true),
        ("bob@CORP", "Password", true),
        ("jürgen", UNICODE, true),
        ("empty", "", true),
        ("alice", "password", false),
        ("alice", "", false),
        ("nobody", "Password", false),
        ("ELSEWHERE\\bob", "Password", false),
    ] {
        let (domain, user) = user.split_once('\\').unwrap_or(("", user));
        let mut helper = Command::new("ntlm_auth")
            .args(["--helper-protocol=ntlmssp-client-1", "--configfile"])
            .arg(&config)
            .args([
                "--username",
                user,
                "--password",
                password,
                "--domain",
                domain,
            ])
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("ntlm_auth");
        let mut to = helper.stdin.take().expect("piped");
        let mut from = BufReader::new(helper.stdout.take().expect("piped"));
        let mut ask = |line: &str| {
            writeln!(to, "{line}").expect("written");
            let mut answer = String::new();
            from.read_line(&mut answer).expect("an answer");
            let token = answer
                .trim()
                .split_once(' ')
                .map(|(_, token)| token.to_owned());
            token.unwrap_or_else(|| panic!("{line}: {answer}"))
        };
        // A connection of our own: curl would make one for each request.
        let mut http = Http::connect(&server);
        let negotiate = ask("YR");
        let (status, challenge) = http.get(&negotiate);
        assert_eq!(status, "401");
        let answer = ask(&format!("TT {}", challenge.expect("a CHALLENGE")));
        let (status, _) = http.get(&answer);
        assert_eq!(status, if good { "200" } else { "401" }, "{}", server.log());
        drop(helper.kill());
        let _ = helper.wait();
    }
}

/// One connection, as NTLM needs it.
struct Http(BufReader<std::net::TcpStream>);

impl Http {
    fn connect(server: &Server) -> Self {
        Self(BufReader::new(
            std::net::TcpStream::connect(server.address).expect("the server"),
        ))
    }

    /// Status, and NTLM's token in the answer.
    fn get(&mut self, token: &str) -> (String, Option<String>) {
        let request = format!("GET / HTTP/1.1\r\nHost: x\r\nAuthorization: NTLM {token}\r\n\r\n");
        self.0
            .get_mut()
            .write_all(request.as_bytes())
            .expect("sent");
        let (mut status, mut token, mut length) = (String::new(), None, 0);
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).expect("a line");
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            if status.is_empty() {
                status = line.split(' ').nth(1).expect("a status").to_owned();
            }
            if let Some(value) = line.strip_prefix("www-authenticate: NTLM ") {
                token = Some(value.to_owned());
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse().expect("a length");
            }
        }
        let mut body = vec![0; length];
        std::io::Read::read_exact(&mut self.0, &mut body).expect("a body");
        (status, token)
    }
}
