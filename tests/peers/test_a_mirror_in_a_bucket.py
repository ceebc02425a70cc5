"""The mirror of a status page in a bucket of moto, a server with the protocol of Amazon S3 that checks signatures."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from firebell.kit.clock import FakeClock
from firebell.kit.http_out import guarded_client, parse_networks
from firebell.status_pages.hosting.mirroring import MirrorWriter
from tests.api.api_clients import organization
from tests.servers import free_port

pytestmark = pytest.mark.peers

PAGE = "/status-pages/kestrel"
BUCKET = "kestrel-status"


async def test_a_bucket_serves_the_mirror_of_a_page(dsn: str, clock: FakeClock) -> None:
    storage = ThreadedMotoServer(ip_address="127.0.0.1", port=free_port(), verbose=False)
    await asyncio.to_thread(storage.start)
    try:
        await _mirror(dsn, clock, "http://{}:{}".format(*storage.get_host_and_port()))
    finally:
        await asyncio.to_thread(storage.stop)


def _client(service: str, endpoint: str, access_key: str, secret: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name="eu-north-1",
        aws_access_key_id=access_key,
        aws_secret_access_key=secret,
    )


def _new_key(endpoint: str) -> tuple[str, str]:
    """Return an access key of a user who may do everything with buckets, and its secret."""
    iam = _client("iam", endpoint, "root", "root")
    iam.create_user(UserName="firebell")
    allowed = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    iam.put_user_policy(UserName="firebell", PolicyName="buckets", PolicyDocument=json.dumps(allowed))
    key = iam.create_access_key(UserName="firebell")["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


async def _mirror(dsn: str, clock: FakeClock, endpoint: str) -> None:
    async with organization(dsn, clock) as (w, api), guarded_client(parse_networks("127.0.0.0/8")) as http:
        access_key, secret = await asyncio.to_thread(_new_key, endpoint)
        # from now on every request needs a right signature
        (await http.post(f"{endpoint}/moto-api/reset-auth", content="0")).raise_for_status()
        await api("POST", "/status-pages", {"slug": "kestrel", "name": "Kestrel", "tz": "UTC"}, status=201)
        writer = MirrorWriter(replace(w.ctx, http=http))

        async def push() -> dict[str, Any]:
            clock.advance(timedelta(seconds=5))
            while await writer.run_once(clock.now()):
                pass
            [mirror] = (await api("GET", f"{PAGE}/hosting"))["mirrors"]
            return dict(mirror)

        async def add(secret: str) -> int:
            added = {"url": "https://status.example.org", "endpoint": endpoint, "region": "eu-north-1"}
            added |= {"bucket": BUCKET, "prefix": "status/", "access_key": access_key, "secret": secret}
            return int((await api("POST", f"{PAGE}/mirrors", added, status=201))["id"])

        wrong = await add("wrong")
        assert "SignatureDoesNotMatch" in (await push())["error"]
        await api("DELETE", f"{PAGE}/mirrors/{wrong}", status=204)
        await add(secret)
        assert "NoSuchBucket" in (await push())["error"]
        s3 = _client("s3", endpoint, access_key, secret)
        place = {"LocationConstraint": "eu-north-1"}
        await asyncio.to_thread(s3.create_bucket, Bucket=BUCKET, CreateBucketConfiguration=place)
        pushed = await push()
        assert (pushed["error"], bool(pushed["pushed_at"])) == ("", True)
        listed = await asyncio.to_thread(s3.list_objects_v2, Bucket=BUCKET)
        keys = {each["Key"] for each in listed["Contents"]}
        assert {"status/index.html", "status/as-of.json", "status/status.json"} <= keys
        home = await asyncio.to_thread(s3.get_object, Bucket=BUCKET, Key="status/index.html")
        assert home["ContentType"].startswith("text/html")
        assert home["CacheControl"] == "public, max-age=15"
        before = home["ETag"]
        await api("PATCH", PAGE, {"about": "What works"})
        w.ctx.live.publish("status-kestrel")
        assert (await push())["error"] == ""
        home = await asyncio.to_thread(s3.get_object, Bucket=BUCKET, Key="status/index.html")
        assert home["ETag"] != before
        assert b"What works" in home["Body"].read()
