"""Chat: incidents and pages in Slack, Mattermost, Teams, Discord and Google Chat."""
