/*
 * What --check does beyond the settings themselves: reads the files that they name just as a start would.
 */
#ifndef GATEWAY_REHEARSAL_H
#define GATEWAY_REHEARSAL_H

struct settings;

/*
 * Loads keys, certificates, what TLS to Redis wants, and the snapshot, and frees them again. It opens no address,
 * asks no Redis and makes no file; of what must be made in the state directory it looks whether it could be. Returns
 * an exit code (app.h); all that is wrong has been logged, setting, file and reason.
 */
int rehearsal_run(const struct settings *settings);

#endif
