using EgressAgent.Linux.Bpf;
using static EgressAgent.Linux.Bpf.BpfRegister;

namespace EgressAgent.Linux.Tests.Bpf;

public sealed class BpfAssemblerTests
{
    // Expected bytes as clang -target bpf assembles the instruction in the comment.
    [Fact]
    public void Instructions_are_encoded_as_the_kernel_reads_them()
    {
        var code = new BpfAssembler();
        var end = new BpfLabel();
        code.Move(R6, R1); // r6 = r1
        code.LoadWord(R2, R6, 64); // r2 = *(u32 *)(r6 + 64)
        code.JumpIfNotEqual(R2, 7, end); // if w2 != 7 goto end
        code.ToNetworkOrder16(R2); // r2 = be16 r2
        code.StoreWord(R10, -8, R2); // *(u32 *)(r10 - 8) = r2
        code.LoadMap(R1, 5); // r1 = map 5 ll
        code.Call(1); // call 1
        code.JumpIfNull(R0, end); // if r0 == 0 goto end
        code.Mark(end);
        code.Exit(); // exit

        Assert.Equal(
            Convert.FromHexString(
                "bf16000000000000" + "6162400000000000" + "5602060007000000" + "dc02000010000000" + "632af8ff00000000"
                + "1811000005000000" + "0000000000000000" + "8500000001000000" + "1500000000000000" + "9500000000000000"),
            code.ToArray());
    }

    [Fact]
    public void Jump_that_is_too_far_is_an_error()
    {
        var code = new BpfAssembler();
        var end = new BpfLabel();
        code.Jump(end);
        for (int index = 0; index < 40_000; index++)
        {
            code.Move(R0, 0);
        }

        code.Mark(end);
        Assert.Throws<OverflowException>(code.ToArray);
    }
}
