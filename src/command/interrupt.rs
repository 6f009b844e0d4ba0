//! Signals: noted, and acted upon where the run can stop and still be sealed.

use std::os::fd::AsFd as _;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGXCPU, SIGXFSZ};
use signal_hook::flag::{
    register, register_conditional_default, register_conditional_shutdown, register_usize,
};
use signal_hook::low_level::emulate_default_handler;

use crate::host::sys;
use crate::intake::StopMark;
use crate::seal::unpack::Interruption;
use crate::term::{Exit, Failure};

/// How often a prompt looks whether a signal came.
const GLANCE: Duration = Duration::from_millis(20);

/// Those that ask for the end. The last says that the limit on processor time is near (setrlimit(2)): what there is can be
/// sealed before the hard limit, which kills.
const ENDINGS: [i32; 4] = [SIGINT, SIGTERM, SIGHUP, SIGXCPU];

/// From here on they are noted instead of ending the program. They stay noted while the bundle is being
/// finished, however often they come.
pub fn listen() -> Result<StopMark, Failure> {
    let mark = StopMark::default();
    for signal in heeded(ENDINGS) {
        register_usize(signal, mark.flag(), usize::try_from(signal)?)?;
    }
    // A limit on file sizes must come back as an error, not end us in the middle of a write.
    register(SIGXFSZ, Arc::default())?;
    no_prompt_any_more();
    Ok(mark)
}

/// The same for unpacking: until the first file is written, a signal ends the program at once; from then on it is
/// noted, so that what was unpacked can be removed.
pub fn listen_while_unpacking() -> Result<Interruption, Failure> {
    let interruption = Interruption::none();
    for signal in heeded(ENDINGS) {
        let status = Exit::Interrupted as i32;
        register_conditional_shutdown(signal, status, Arc::clone(&interruption.idle))?;
        register_usize(signal, Arc::clone(&interruption.signal), usize::try_from(signal)?)?;
    }
    register(SIGXFSZ, Arc::default())?;
    no_prompt_any_more();
    Ok(interruption)
}

/// Whoever started us with nohup(1), or in the background of a script, has had some of them ignored, and means it.
fn heeded(signals: impl IntoIterator<Item = i32>) -> impl Iterator<Item = i32> {
    signals.into_iter().filter(|signal| !sys::is_ignored(*signal))
}

/// Signals while a secret is asked for, noted once and for all: what signal-hook has registered never goes back to how
/// it was.
struct AtPrompt {
    /// Nothing is asked: a signal ends the program as it ends any other.
    idle: Arc<AtomicBool>,
    came: Arc<AtomicUsize>,
    resumed: Arc<AtomicBool>,
}

static AT_PROMPT: OnceLock<AtPrompt> = OnceLock::new();

/// Others note the signals now.
fn no_prompt_any_more() {
    if let Some(prompt) = AT_PROMPT.get() {
        prompt.idle.store(false, Ordering::Release);
    }
}

/// Asks for a secret on the terminal. A signal ends the program only when the terminal shows again what is typed; and
/// after Ctrl-Z and `fg`, when a shell may have turned that on, it is turned off again.
pub fn asking<T>(ask: impl FnOnce() -> T) -> Result<T, Failure> {
    let prompt = at_prompt()?;
    let terminal = std::fs::File::options().read(true).write(true).open("/dev/tty")?;
    let before = tcgetattr(&terminal)?;
    prompt.idle.store(false, Ordering::Release);
    let over = Arc::new(AtomicBool::new(false));
    let (asked, shown) = (Arc::clone(&over), before.clone());
    let watcher = thread::Builder::new().name("prompt".into()).spawn(move || {
        while !asked.load(Ordering::Acquire) {
            thread::sleep(GLANCE);
            end_if_told(prompt, &terminal, &shown);
            if prompt.resumed.swap(false, Ordering::AcqRel) {
                let mut hidden = shown.clone();
                hidden.local_modes.remove(LocalModes::ECHO);
                hidden.local_modes.insert(LocalModes::ECHONL);
                let _ = tcsetattr(terminal.as_fd(), OptionalActions::Now, &hidden);
            }
        }
        end_if_told(prompt, &terminal, &shown);
    })?;
    let answer = ask();
    over.store(true, Ordering::Release);
    let _ = watcher.join();
    prompt.idle.store(true, Ordering::Release);
    Ok(answer)
}

fn at_prompt() -> Result<&'static AtPrompt, Failure> {
    if let Some(prompt) = AT_PROMPT.get() {
        return Ok(prompt);
    }
    let prompt = AtPrompt { idle: Arc::default(), came: Arc::default(), resumed: Arc::default() };
    for signal in heeded([SIGINT, SIGTERM, SIGHUP, SIGQUIT]) {
        register_conditional_default(signal, Arc::clone(&prompt.idle))?;
        register_usize(signal, Arc::clone(&prompt.came), usize::try_from(signal)?)?;
    }
    register(SIGCONT, Arc::clone(&prompt.resumed))?;
    Ok(AT_PROMPT.get_or_init(|| prompt))
}

fn end_if_told(prompt: &AtPrompt, terminal: &std::fs::File, before: &Termios) {
    let came = prompt.came.load(Ordering::Acquire);
    if let Some(signal) = i32::try_from(came).ok().filter(|signal| *signal != 0) {
        let _ = tcsetattr(terminal.as_fd(), OptionalActions::Now, before);
        let _ = std::io::Write::write_all(&mut &*terminal, b"\n");
        let _ = emulate_default_handler(signal);
    }
}
