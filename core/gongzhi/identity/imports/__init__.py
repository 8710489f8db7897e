"""The directory from spreadsheets: organs, departments, posts and people, read, checked whole, stored or undone."""
