#!/usr/bin/env python3
"""Fills a switch with what `corecast switch export` wrote, without CoreCast.

    pip install p4runtime grpcio
    ./replay.py DIRECTORY [ADDRESS] [DEVICE_ID]

It becomes the switch's controller, pushes the program with its P4Info, and makes
the writes in their order.
"""

import pathlib
import queue
import sys

import grpc
from google.protobuf import text_format
from p4.v1 import p4runtime_pb2 as p4
from p4.v1 import p4runtime_pb2_grpc


def main(directory, address="127.0.0.1:9559", device_id="1"):
    files, device = pathlib.Path(directory), int(device_id)
    election = p4.Uint128(low=1)
    with grpc.insecure_channel(address) as channel:
        switch = p4runtime_pb2_grpc.P4RuntimeStub(channel)
        stream = become_primary(switch, device, election)

        pipeline = p4.SetForwardingPipelineConfigRequest(
            device_id=device,
            election_id=election,
            action=p4.SetForwardingPipelineConfigRequest.VERIFY_AND_COMMIT,
        )
        pipeline.config.p4_device_config = (files / "program.json").read_bytes()
        text_format.Parse((files / "p4info.txtpb").read_text(), pipeline.config.p4info)
        switch.SetForwardingPipelineConfig(pipeline)

        for file in sorted(files.glob("write-*.txtpb")):
            write = text_format.Parse(file.read_text(), p4.WriteRequest())
            write.device_id = device
            write.election_id.CopyFrom(election)
            switch.Write(write)
            print(f"{file.name}: {len(write.updates)} updates")
        stream.cancel()


def become_primary(switch, device, election):
    """Returns the stream of a controller, who is one while it is open."""
    requests = queue.SimpleQueue()
    hello = p4.StreamMessageRequest()
    hello.arbitration.device_id = device
    hello.arbitration.election_id.CopyFrom(election)
    requests.put(hello)
    stream = switch.StreamChannel(iter(requests.get, None))
    answer = next(stream)
    if answer.arbitration.status.code != 0:
        sys.exit(f"device {device} has another controller: stop that one first")
    return stream


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 4:
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except grpc.RpcError as e:
        sys.exit(f"{e.code().name}: {e.details()}")
