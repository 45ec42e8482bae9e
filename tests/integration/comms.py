# SPDX-License-Identifier: Apache-2.0
"""A front end's half of comms and widgets, over the client of jupyter_session.py."""


class FrontEnd:
    """Keeps the models that a kernel opens, as a widget manager does."""

    def __init__(self, session):
        self.session = session
        self.models = {}   # comm id: state
        self.views = []    # model ids, as they were shown

    def send(self, msg_type, comm_id, data=None, buffers=None, metadata=None, **content):
        """Sends a message of a comm with its binary buffers; returns its id."""
        client = self.session.client
        message = client.session.msg(msg_type, {"comm_id": comm_id, "data": data or {}, **content},
                                     metadata=metadata)
        self.session.requests[message["header"]["msg_id"]] = message["header"]
        client.session.send(client.shell_channel.socket, message, buffers=buffers)
        return message["header"]["msg_id"]

    def exchange(self, *args, **kwargs):
        """The same; returns all events of the message, between busy and idle."""
        msg_id = self.send(*args, **kwargs)
        events = self.session.until_idle(msg_id)
        states = [e["content"]["execution_state"] for e in events if e["msg_type"] == "status"]
        assert states == ["busy", "idle"] and events[0]["msg_type"] == "status", events
        return self.take(events[1:-1])

    def run(self, code):
        """Runs a cell; returns its outcome."""
        outcome = self.session.run(code)
        assert outcome.reply["status"] == "ok", outcome.reply
        self.take(outcome.events)
        return outcome

    def take(self, events):
        for event in events:
            content = event["content"]
            if event["msg_type"] == "comm_open" and content["target_name"] == "jupyter.widget":
                assert event["metadata"] == {"version": "2.1.0"}, event
                self.models[content["comm_id"]] = content["data"]["state"]
            elif event["msg_type"] == "comm_msg" and content["comm_id"] in self.models and \
                    content["data"]["method"] in ("update", "echo_update"):
                self.models[content["comm_id"]].update(content["data"]["state"])
            elif event["msg_type"] == "comm_close":
                self.models.pop(content["comm_id"], None)
            elif event["msg_type"] == "display_data":
                view = content["data"].get("application/vnd.jupyter.widget-view+json")
                if view:
                    assert (view["version_major"], view["version_minor"]) == (2, 0)
                    self.views.append(view["model_id"])
        return events

    def find(self, model_name):
        """The one model of this name: id and state."""
        found = [(i, s) for i, s in self.models.items() if s["_model_name"] == model_name]
        assert len(found) == 1, found
        return found[0]

    def update(self, comm_id, state, **kwargs):
        return self.exchange("comm_msg", comm_id,
                             {"method": "update", "state": state, "buffer_paths": []}, **kwargs)


def types(events):
    return [event["msg_type"] for event in events]


def text(events, name="stdout"):
    return "".join(e["content"]["text"] for e in events
                   if e["msg_type"] == "stream" and e["content"]["name"] == name)


