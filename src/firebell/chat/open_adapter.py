"""Opens the adapter of an account; what it needs is imported only then."""

from firebell.chat.adapter_base.adapter import Adapter
from firebell.chat.model import Account, AccountSecrets, ChatKind
from firebell.kit.context import Context


def open_adapter(account: Account, secrets: AccountSecrets, ctx: Context) -> Adapter:
    """Return the adapter of an account."""
    match account.kind:
        case ChatKind.SLACK:
            from firebell.chat.slack.client import SlackClient
            from firebell.chat.slack.interactive_calls import SLACK_API_URL

            return SlackClient(
                secrets.bot_token,
                bot_user=account.bot_user,
                base_url=ctx.channel_settings.get(SLACK_API_URL, ""),
            )
        case ChatKind.MATTERMOST:
            from firebell.chat.mattermost.action_tokens import button_signer
            from firebell.chat.mattermost.client import Buttons, MattermostClient

            sign = button_signer(ctx.signer, account.id, ctx.clock.now)
            # without commands, nothing says that the server reaches us: buttons would be dead
            answers = bool(secrets.signing_secrets)
            buttons = Buttons(f"{ctx.public_url}/chat/mattermost/action", sign) if answers else None
            return MattermostClient(ctx.http, account.address, secrets.bot_token, account, buttons)
        case ChatKind.TEAMS:
            from firebell.chat.microsoft_teams.client import TeamsWebhook

            return TeamsWebhook(ctx.http, secrets.webhooks)
        case ChatKind.DISCORD:
            from firebell.chat.discord.client import DiscordWebhook

            return DiscordWebhook(ctx.http, secrets.webhooks)
        case ChatKind.GOOGLE_CHAT:
            from firebell.chat.google_chat.client import GoogleChatWebhook

            return GoogleChatWebhook(ctx.http, secrets.webhooks)
