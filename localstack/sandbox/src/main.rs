//! The sandbox as a program: prints its endpoint when it is ready, ends on a signal.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use cachectl_sandbox::{Options, Quotas, Sandbox};
use clap::{Parser, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// A strict local ElastiCache for cachectl, boto3 and the AWS CLI.
#[derive(Parser)]
#[command(name = "cachectl-sandbox", version)]
struct Arguments {
    /// Port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 4566)]
    port: u16,
    /// How much of AWS's real durations to wait: 0 nothing, 1 all
    #[arg(long, default_value_t = 0.02)]
    time_scale: f64,
    /// Whether endpoints lead to real Valkey or Redis servers
    #[arg(long, value_enum, default_value_t = DataPlane::Auto)]
    data_plane: DataPlane,
    /// The server program to start for each node
    #[arg(long, value_name = "PATH")]
    server: Option<PathBuf>,
    /// Cap on page sizes, to see paging with few resources
    #[arg(long, value_name = "N")]
    page_size: Option<usize>,
    #[arg(long, default_value = "012345678901")]
    account_id: String,
    #[arg(long, default_value = "us-east-1")]
    region: String,
    /// Throttle calls of CloudWatch at AWS's rates, such as 3 PutMetricAlarm a second
    #[arg(long)]
    call_rates: bool,
    /// End when standard input is closed, so as not to outlive the program that started this one
    #[arg(long)]
    exit_with_stdin: bool,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum DataPlane {
    /// On when a server program is found
    Auto,
    On,
    Off,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "this is a program's last word")]
            {
                eprintln!("cachectl-sandbox: {error}");
            }
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> io::Result<()> {
    // Before the endpoint is printed, so that no signal after it is missed.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let options = Options {
        port: arguments.port,
        time_scale: arguments.time_scale,
        account_id: arguments.account_id,
        region: arguments.region,
        page_size: arguments.page_size,
        data_plane: arguments.data_plane != DataPlane::Off,
        server: arguments.server,
    };
    let sandbox = match Sandbox::start(options.clone()).await {
        Err(error) if error.kind() == io::ErrorKind::NotFound && arguments.data_plane == DataPlane::Auto => {
            Sandbox::start(Options { data_plane: false, ..options }).await?
        }
        started => started?,
    };
    sandbox.set_quotas(Quotas { call_rates: arguments.call_rates, ..Quotas::default() });
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{}", sandbox.endpoint())?;
    stdout.flush()?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        () = stdin_closed(), if arguments.exit_with_stdin => {}
    }
    Ok(())
}

/// Reads on a thread that nobody waits for: a blocked read must not hold up the end.
async fn stdin_closed() {
    let (closed, wait) = oneshot::channel();
    std::thread::spawn(move || {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        let _ = closed.send(());
    });
    let _ = wait.await;
}
