/**
 * Preloaded into a host that another process has started for itself alone (node --require): such a host ends with its
 * parent, however that one ended.
 */
process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'));
process.channel?.unref();
