/** Shows the connection's state: the mark in the top bar, and a sentence while it is down. */

export function createConnectionView(connection, notices, loginUrl) {
  const mark = document.getElementById("connection");
  const text = mark.querySelector(".connection-text");
  const delay = mark.querySelector(".connection-delay");

  connection.subscribe((state) => {
    document.documentElement.dataset.connection = state.name;
    mark.dataset.state = state.name;
    mark.title = state.sentence;
    if (text.textContent !== state.label) text.textContent = state.label;
    delay.textContent = state.delay === null ? "" : `${state.delay} ms`;
    notices.replace("connection", state.sentence, {
      kind: "error",
      link: state.login ? { text: "Log in again", url: loginUrl } : null,
    });
  });
}
