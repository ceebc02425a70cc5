"""The settings of action items: working days, and after how many days an item is due."""
