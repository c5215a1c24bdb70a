namespace EgressAgent.Model.Resources;

/// <summary>Whether established flows bypass the chains, through a flowtable of the kernel (nft(8), "Flowtables").</summary>
public enum FlowOffloadMode
{
    Off,

    /// <summary>Where this very kernel was seen to do it right. Nowhere for a router that fails over, nor with the relay.</summary>
    Auto,
}
