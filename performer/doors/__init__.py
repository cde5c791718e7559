"""The only ways between the processes, changes in, frames out, status beside, in shared memory."""
