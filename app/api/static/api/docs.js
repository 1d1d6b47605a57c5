"use strict";

const place = document.getElementById("docs");
// Django asks for it with every change that a logged-in browser sends.
const cookie = () => document.cookie.match(/(?:^|; )csrftoken=([^;]+)/);

SwaggerUIBundle({
  domNode: place,
  url: place.dataset.schema,
  deepLinking: true,
  requestInterceptor: (request) => {
    const token = cookie();
    if (token && new URL(request.url, location.href).origin === location.origin) {
      request.headers["X-CSRFToken"] = token[1];
    }
    return request;
  },
});
