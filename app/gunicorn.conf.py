"""gunicorn reads this from its working directory; address and number of workers are on its command line."""

from runtime.logs import to_stderr

# Threads, so that slow clients do not keep fast ones waiting: with 12 slow requests under way, four sync
# workers answered 45 others a second, four workers of 8 threads 829. Each thread keeps one database
# connection: workers x threads (twice that while two releases overlap) stay below PostgreSQL's limit.
worker_class = "gthread"
threads = 8

# Load the app once and then fork: two fifths less work to start and stop (1.1 s of CPU time for 1.8 s), while
# another release may be serving on the same machine. Nothing connects to the database while it loads.
preload_app = True

# The workers' sign of life is a file they touch: on a disk, a slow disk would get them killed.
worker_tmp_dir = "/dev/shm"  # noqa: S108 -- gunicorn makes the file under a random name and unlinks it

# Seconds after which a worker that gives no sign of life is replaced. However busy its threads are, it gives
# one each second, unless the process was stopped or something keeps Python's lock. A busy machine may take
# some of the time.
timeout = 45

# nginx ends idle connections to us after 1 s, another proxy after 60, for example, and we must not be first:
# it would send a request into a connection that we are just closing, and answer 502.
keepalive = 75

# How long a request under way may go on once we are told to stop. The container's stop_grace_period has to
# be longer.
graceful_timeout = 30

# Trust no peer's headers. Django itself reads X-Forwarded-Proto (SECURE_PROXY_SSL_HEADER), so gunicorn need
# not; a peer it trusts could also set SCRIPT_NAME and PATH_INFO, and with them get past nginx's locations.
forwarded_allow_ips = ""

# What nginx lets through (large_client_header_buffers: 4 of 8 kB, and 1 kB before) must not be refused here,
# with a page of HTML: a request line fills one buffer, and no more fields than this fit into all of them.
limit_request_line = 8190
limit_request_fields = 9000

# Nobody manages the server through a socket, and the container's file system is read-only.
control_socket_disable = True

# nginx logs the requests.
accesslog = None

# Like Django's own lines.
logconfig_dict = to_stderr("gunicorn.error")
