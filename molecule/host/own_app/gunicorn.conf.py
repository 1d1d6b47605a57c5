# Longer than nginx keeps a connection that is idle.
keepalive = 75
worker_class = "gthread"
graceful_timeout = 30
control_socket_disable = True
