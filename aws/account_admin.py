"""One user's account, for operators: its sessions ended, the account closed and opened again."""

import argparse
import sys

from botocore.exceptions import BotoCoreError, ClientError

from aws.config import ConfigError
from aws.resources import connect
from aws.rows.accounts import Account, Accounts
from aws.stack import settings

ACTIONS = ("show", "sign-out", "close", "open")


def act(accounts: Accounts, action: str, user_id: str) -> Account:
    """Do one of ACTIONS; return the account after it. Raises KeyError for an unknown user."""
    if action == "sign-out":
        return accounts.end_sessions(user_id)
    if action in ("close", "open"):
        return accounts.close(user_id, action == "close")
    return accounts.get(user_id)


def line(account: Account) -> str:
    """The account in one line."""
    sessions = sum(session.ended_time is None for session in account.sessions)
    state = "closed" if account.closed else "open"
    return f"{account.user_id} {account.role} {state}, {sessions} session(s) not ended\n"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./gas account",
        description=str(__doc__).splitlines()[0],
        epilog="example: ./gas account close 6f1f8f2c-9d1c-4c47-b0c2-0d4b7a3c1a11 --stack gas",
    )
    parser.add_argument("action", choices=ACTIONS)
    parser.add_argument("user", help="the identity's UUID: on the profile page, and in the log")
    settings.add_option(parser)
    return parser.parse_args()


def main() -> None:
    """The command line: `./gas account ACTION USER`."""
    args = _arguments()
    try:
        accounts = connect(settings.load_of(args.stack)).accounts
        sys.stdout.write(line(act(accounts, args.action, args.user)))
    except KeyError:
        sys.exit(f"gas: there is no account {args.user}")
    except (ConfigError, BotoCoreError, ClientError) as fault:
        sys.exit(f"gas: {fault}")


if __name__ == "__main__":
    main()
