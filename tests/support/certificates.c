/* Certificates of the test's own. */
#include "certificates.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "buf.h"
#include "temp_dir.h"

#define EXIT_NO_PROGRAM 127 /* of the child, where there is nothing to run */

#define EXPIRED_FROM  "20200101000000Z"
#define EXPIRED_UNTIL "20210101000000Z"

/* Of a CA and of what it issues; `openssl ca` alone can date a certificate back. */
static const char config_text[] = "[req]\n"
                                  "distinguished_name = nothing\n"
                                  "x509_extensions = authority\n"
                                  "[nothing]\n"
                                  "[authority]\n"
                                  "basicConstraints = critical,CA:TRUE\n"
                                  "keyUsage = critical,keyCertSign,cRLSign\n"
                                  "subjectKeyIdentifier = hash\n"
                                  "[ca]\n"
                                  "default_ca = issuing\n"
                                  "[issuing]\n"
                                  "database = %s/index\n"
                                  "new_certs_dir = %s\n"
                                  "unique_subject = no\n"
                                  "rand_serial = yes\n"
                                  "default_md = sha256\n"
                                  "policy = anything\n"
                                  "[anything]\n"
                                  "commonName = supplied\n";

/* The path of a file of this name; the caller frees. */
static char *path_of(const char *dir, const char *name, const char *suffix)
{
    char *path = NULL;

    cr_assert_gt(asprintf(&path, "%s/%s%s", dir, name, suffix), 0);
    return path;
}

static void show(const char *log)
{
    char line[512];
    FILE *file = fopen(log, "r");

    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        fputs(line, stderr);
    if (file != NULL)
        fclose(file);
}

/* Runs openssl with arguments that NULL ends. */
static void run(const char *dir, const char *const *args)
{
    const char *no_skip = getenv("GATEWAY_NO_SKIP");
    char *log = temp_dir_path(dir, "openssl.log");
    int status;
    pid_t pid = fork();

    cr_assert_geq(pid, 0);
    if (pid == 0) {
        int fd = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0600);

        dup2(fd, STDOUT_FILENO);
        dup2(fd, STDERR_FILENO);
        execvp("openssl", (char *const *)args);
        _exit(EXIT_NO_PROGRAM);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NO_PROGRAM) {
        if (no_skip != NULL && strcmp(no_skip, "1") == 0)
            cr_assert_fail("there is no openssl to be run, and GATEWAY_NO_SKIP=1");
        cr_skip_test("there is no openssl to be run");
    }
    if (status != 0)
        show(log);
    cr_assert_eq(status, 0, "openssl %s failed", args[1]);
    free(log);
}

#define RUN(dir, ...) run(dir, (const char *const[]){"openssl", __VA_ARGS__, NULL})

void certificates_make_ca(const char *dir, const char *name)
{
    char *issued = path_of(dir, name, ".issued");
    char *cert = path_of(dir, name, ".pem"), *key = path_of(dir, name, ".key");
    char *subject = path_of("", "CN=", name);
    struct buf text = BUF_EMPTY;

    cr_assert_eq(mkdir(issued, 0700), 0, "%s", issued);
    free(temp_dir_write(issued, "index", ""));
    buf_printf(&text, config_text, issued, issued);
    char *config = temp_dir_write(issued, "config", buf_text(&text));
    RUN(dir, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-config", config, "-subj", subject, "-days", "30", "-keyout", key, "-out", cert);
    buf_done(&text);
    free(config);
    free(subject);
    free(key);
    free(cert);
    free(issued);
}

void certificates_make(const char *dir, const char *name, struct certificate_options options)
{
    char *issued = path_of(dir, options.ca, ".issued");
    char *config = temp_dir_path(issued, "config");
    char *ca_cert = path_of(dir, options.ca, ".pem"), *ca_key = path_of(dir, options.ca, ".key");
    char *cert = path_of(dir, name, ".pem"), *key = path_of(dir, name, ".key");
    char *request = temp_dir_path(issued, "request");
    char *subject = path_of("", "CN=", name);
    struct buf text = BUF_EMPTY;

    RUN(dir, "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-config", config, "-subj", subject, "-keyout", key, "-out", request);

    buf_printf(&text, "basicConstraints = CA:FALSE\nextendedKeyUsage = %s\n",
               options.client ? "clientAuth" : "serverAuth");
    buf_printf(&text, "authorityKeyIdentifier = keyid\nsubjectAltName = %s%s\n",
               options.names != NULL ? "" : "DNS:", options.names != NULL ? options.names : name);
    char *extensions = temp_dir_write(issued, "extensions", buf_text(&text));
    if (options.expired)
        RUN(dir, "ca", "-batch", "-notext", "-config", config, "-cert", ca_cert, "-keyfile", ca_key,
            "-in", request, "-extfile", extensions, "-out", cert, "-startdate", EXPIRED_FROM,
            "-enddate", EXPIRED_UNTIL);
    else
        RUN(dir, "ca", "-batch", "-notext", "-config", config, "-cert", ca_cert, "-keyfile", ca_key,
            "-in", request, "-extfile", extensions, "-out", cert, "-days", "30");

    buf_done(&text);
    free(extensions);
    free(subject);
    free(request);
    free(key);
    free(cert);
    free(ca_key);
    free(ca_cert);
    free(config);
    free(issued);
}

void certificates_rename(const char *dir, const char *name, const char *new_name)
{
    static const char *const suffixes[] = {".pem", ".key"};

    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        char *from = path_of(dir, name, suffixes[i]), *to = path_of(dir, new_name, suffixes[i]);

        cr_assert_eq(rename(from, to), 0, "%s", from);
        free(from);
        free(to);
    }
}
