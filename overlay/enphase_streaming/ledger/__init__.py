"""Ledgers that outlive a process: calls are counted durably, and shared by all that use one."""
