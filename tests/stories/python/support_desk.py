"""A support desk that keeps one Public group per ticket, as relays of Salesforce or Zendesk tickets do.

    CHAT_URL=http://127.0.0.1:8080 CHAT_APP_ID=1400000001 CHAT_APP_KEY=... python support_desk.py
"""

import json
import os
import random
import time
import urllib.parse
import urllib.request
from unittest import mock

import TLSSigAPIv2

URL = os.environ["CHAT_URL"]
APP_ID = int(os.environ["CHAT_APP_ID"])
KEY = os.environ["CHAT_APP_KEY"]
ADMIN = "administrator"
GENERATOR = TLSSigAPIv2.TLSSigAPIv2(APP_ID, KEY)


def post(command, body, identifier=ADMIN, usersig=None):
    """Posts a command in the name of `identifier` and returns the answer, whatever its code."""
    query = urllib.parse.urlencode({
        "sdkappid": APP_ID,
        "identifier": identifier,
        "usersig": usersig or GENERATOR.gen_sig(identifier, 60),
        "random": random.randrange(2**32),
        "contenttype": "json",
    })
    request = urllib.request.Request(f"{URL}/v4/{command}?{query}", json.dumps(body).encode(), method="POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200, (command, answer.status)
        return json.load(answer)


def call(command, body):
    """Posts a command and expects success."""
    answer = post(command, body)
    assert answer["ErrorCode"] == 0 and answer["ActionStatus"] == "OK", (command, body, answer)
    return answer


def refused(code, command, body, **caller):
    """Posts a command and expects refusal with `code`."""
    answer = post(command, body, **caller)
    assert answer["ErrorCode"] == code and answer["ActionStatus"] == "FAIL", (command, body, answer)
    assert answer["ErrorInfo"], "a refusal says why"


def open_ticket(ticket, customer, owner=None):
    """Opens the group of a ticket and greets who is there."""
    call("im_open_login_svc/multiaccount_import", {"Accounts": [name for name in (customer, owner) if name]})
    group = {
        "Type": "Public",
        "Name": f"T {ticket}",
        "GroupId": ticket,
        "ApplyJoinOption": "FreeAccess",
        "MemberList": [{"Member_Account": customer}],
    }
    if owner:
        group["Owner_Account"] = owner
    group_id = call("group_open_http_svc/create_group", group)["GroupId"]
    call("group_open_http_svc/send_group_system_notification", {
        "GroupId": group_id, "Content": "Welcome, an agent will be with you soon",
    })
    return group_id


def assign(ticket, agent):
    """Adds the agent to the group of the ticket."""
    call("im_open_login_svc/account_import", {"UserID": agent, "Nick": f"Agent {agent}"})
    answer = call("group_open_http_svc/add_group_member", {"GroupId": ticket, "MemberList": [{"Member_Account": agent}]})
    return [(item["Member_Account"], item["Result"]) for item in answer["MemberList"]]


def release(ticket, agent):
    """Takes the agent out of the group of the ticket."""
    call("group_open_http_svc/delete_group_member", {
        "GroupId": ticket, "MemberToDel_Account": [agent], "Reason": "handed over",
    })


def say(ticket, sender, words):
    """Sends a text in the name of `sender` and returns its sequence."""
    return call("group_open_http_svc/send_group_msg", {
        "GroupId": ticket,
        "From_Account": sender,
        "Random": random.randrange(2**32),
        "MsgBody": [{"MsgType": "TIMTextElem", "MsgContent": {"Text": words}}],
    })["MsgSeq"]


def info(ticket):
    """The profile of the group of the ticket, or its error item."""
    return call("group_open_http_svc/get_group_info", {"GroupIdList": [ticket]})["GroupInfo"][0]


def roles(ticket, *users):
    """Role by user."""
    answer = call("group_open_http_svc/get_role_in_group", {"GroupId": ticket, "User_Account": list(users)})
    return {item["Member_Account"]: item["Role"] for item in answer["UserIdList"]}


def spoken(ticket):
    """What was said, oldest first, as pairs of sender and text."""
    answer = call("group_open_http_svc/group_msg_get_simple", {"GroupId": ticket, "ReqMsgNumber": 20})
    messages = [message for message in answer["RspMsgList"] if not message.get("IsSystemMsg")]
    return [(message["From_Account"], message["MsgBody"][0]["MsgContent"]["Text"]) for message in reversed(messages)]


def story(ticket, owner=None):
    """A ticket from its opening to its closing; `owner` is who owns the group, or nobody."""
    customer = f"c-{ticket}"
    assert open_ticket(ticket, customer, owner) == ticket, "the ticket id is the group id"
    opened = info(ticket)
    assert opened["Type"] == "Public" and opened["ApplyJoinOption"] == "FreeAccess", opened
    assert opened["Name"] == f"T {ticket}", opened
    assert opened.get("Owner_Account", "") == (owner or ""), opened
    assert opened["MemberNum"] == (2 if owner else 1), opened

    assert assign(ticket, "agent-lee") == [("agent-lee", 1)]
    assert assign(ticket, "agent-lee") == [("agent-lee", 2)], "a repeated assignment changes nothing"
    first = say(ticket, customer, "My parcel is lost")
    second = say(ticket, "agent-lee", "I am looking for it: 東京 😀")
    assert second == first + 1, "messages are numbered one after the other"

    assign(ticket, "agent-kim")
    release(ticket, "agent-lee")
    assert roles(ticket, "agent-lee", "agent-kim", customer) == {
        "agent-lee": "NotMember", "agent-kim": "Member", customer: "Member",
    }
    say(ticket, "agent-kim", "It is on its way")
    assert spoken(ticket) == [
        (customer, "My parcel is lost"),
        ("agent-lee", "I am looking for it: 東京 😀"),
        ("agent-kim", "It is on its way"),
    ], spoken(ticket)

    joined = call("group_open_http_svc/get_joined_group_list", {"Member_Account": "agent-kim", "GroupType": "Public"})
    assert ticket in [group["GroupId"] for group in joined["GroupIdList"]], "the agent sees the ticket"

    call("group_open_http_svc/destroy_group", {"GroupId": ticket})
    assert info(ticket)["ErrorCode"] == 10010
    refused(10010, "group_open_http_svc/destroy_group", {"GroupId": ticket})


def misuse():
    """Bad callers and bad requests get their documented codes."""
    command, body = "group_open_http_svc/get_joined_group_list", {"Member_Account": "agent-lee"}
    refused(60010, command, body, identifier="agent-lee")
    stranger = TLSSigAPIv2.TLSSigAPIv2(APP_ID, KEY + "0")
    refused(70009, command, body, usersig=stranger.gen_sig(ADMIN, 60))
    with mock.patch("time.time", lambda now=time.time(): now - 120):
        expired = GENERATOR.gen_sig(ADMIN, 60)
    refused(70001, command, body, usersig=expired)
    refused(70013, command, body, usersig=GENERATOR.gen_sig("agent-lee", 60))


def main():
    """Tells the story with and without owner, and once more under a used id."""
    number = time.time_ns() // 1_000_000
    story(f"ZENDESK#{number}")
    story(f"SALESFORCE#{number}", owner="desk-lead")
    story(f"ZENDESK#{number}")
    misuse()
    print("support desk (Python): opened, assigned, handed over and closed three tickets; misuse was refused")


if __name__ == "__main__":
    main()
