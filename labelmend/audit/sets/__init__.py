"""Audits and certificates of tables in which a row may have several labels."""
